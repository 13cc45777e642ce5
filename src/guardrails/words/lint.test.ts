import { describe, expect, it } from "vitest";
import { lintWords, readWordList } from "./index.js";

const list = readWordList(`glarb\nx\n泡\n中央\n法轮\n泡蘑\n大泡蘑汤\n!!\nglarb\n${"长".repeat(21)}`, "text", "a.txt");
const kinds = (ordinary?: string) => lintWords(list, ordinary).problems.map(({ line, kind }) => [line, kind]);

describe("the lint of a word list", () => {
  it("names what is short, common, doubled, covered, a sentence or no word, by line", () => {
    expect(kinds()).toEqual([
      [2, "short"],
      [3, "short"],
      [4, "common"],
      [6, "shadowed"],
      [7, "shadowed"],
      [8, "unusable"],
      [9, "duplicate"],
      [10, "sentence"],
    ]);
  });

  it("counts the sentences of ordinary text that are hit, before and after cleaning", () => {
    const { numSentences, numHit, numHitCleaned, cleaned } = lintWords(list, "看中央。吃中央。说中央。吃泡蘑。好");
    expect({ numSentences, numHit, numHitCleaned }).toEqual({ numSentences: 5, numHit: 4, numHitCleaned: 1 });
    expect(cleaned.map(({ word }) => word)).toEqual(["glarb", "法轮", "泡蘑", "大泡蘑汤", "长".repeat(21)]);
  });

  it("takes what is but a disguise of another word for that word, and keeps the ordinary spelling", () => {
    const names = readWordList("囘良玉\n回良玉\n好彩云网\n郝彩芸网", "text", "a.txt");
    const { problems, cleaned } = lintWords(names);
    expect(problems.map(({ word, kind, by }) => [word, kind, by])).toEqual([
      ["囘良玉", "disguise", "回良玉"],
      ["郝彩芸网", "disguise", "好彩云网"],
    ]);
    expect(cleaned.map(({ word }) => word)).toEqual(["回良玉", "好彩云网"]);
  });
});
