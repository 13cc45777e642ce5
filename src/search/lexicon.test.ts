import { describe, expect, it } from "vitest";
import { fuse } from "./fuse.js";
import { Lexicon, termsOf } from "./lexicon.js";

function lexiconOf(...texts: string[]): Lexicon {
  const lexicon = new Lexicon();
  for (const [key, text] of texts.entries()) lexicon.add(key, text);
  return lexicon;
}

describe("the terms of a text", () => {
  it("are its words in lower case, and the pairs of characters of scripts without spaces", () => {
    expect(termsOf("Error E-404: Ｎetwork down!")).toEqual(["error", "e", "404", "network", "down"]);
    expect(termsOf("网络错误E628，请重试")).toEqual(["网络", "络错", "错误", "e628", "请重", "重试"]);
    expect(termsOf("価 カタログ naïve")).toEqual(["価", "カタ", "タロ", "ログ", "naïve"]);
    expect(termsOf(" ,.!? ")).toEqual([]);
  });
});

describe("a lexicon", () => {
  it("puts rare words above common ones, and short texts above long ones that say as much", () => {
    const lexicon = lexiconOf("the pump is on", "the pump is off the pump is off", "the red valve", "the the the");
    expect(lexicon.search("the valve", 4).map(({ key }) => key)[0]).toBe(2);
    expect(lexicon.search("pump", 4).map(({ key }) => key)).toEqual([1, 0]);
    expect(lexicon.search("on pump", 4).map(({ key }) => key)[0]).toBe(0);
  });

  it("scores as BM25 does", () => {
    // k1 1.2, b 0.75; two texts of two terms: ln(1 + (2 − 1 + 0.5) / (1 + 0.5)) · 1 · 2.2 / (1 + 1.2) = ln 2
    expect(lexiconOf("a b", "c d").search("a", 1)).toEqual([{ key: 0, score: expect.closeTo(Math.LN2, 12) }]);
  });

  it("finds Chinese by its parts", () => {
    const lexicon = lexiconOf("更换空气滤网的步骤", "清洗水箱", "空气质量指示灯");
    expect(lexicon.search("如何更换滤网？", 3).map(({ key }) => key)).toEqual([0]);
    expect(lexicon.search("空气", 3).map(({ key }) => key)).toEqual([2, 0]);
  });

  it("forgets, and lets only those pass that it is told to", () => {
    const lexicon = lexiconOf("one word", "one more", "one less");
    lexicon.remove(1);
    lexicon.remove(1);
    expect(lexicon.search("one more", 3).map(({ key }) => key)).toEqual([0, 2]);
    expect(lexicon.search("one", 3, (key) => key === 2).map(({ key }) => key)).toEqual([2]);
    expect(lexicon.search("nothing here", 3)).toEqual([]);
    lexicon.remove(0);
    lexicon.remove(2);
    expect([lexicon.size, lexicon.search("one", 3)]).toEqual([0, []]);
  });
});

describe("fusing", () => {
  it("prefers what several rankings know, and keeps the order of one alone", () => {
    const ranking = (...keys: number[]) => keys.map((key, i) => ({ key, score: 10 - i }));
    expect(fuse([ranking(1, 2, 3), ranking(9, 3, 8)], 3).map(({ key }) => key)).toEqual([3, 1, 9]);
    expect(fuse([ranking(5, 4)], 9).map(({ key }) => key)).toEqual([5, 4]);
  });
});
