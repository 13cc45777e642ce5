import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simplifiedPairs } from "../core/base/index.js";
import { fuse } from "./fuse.js";
import { Lexicon } from "./lexicon.js";
import { meanNdcg, readRelevance } from "./relevance.testkit.js";
import { termsOf } from "./terms.js";

function lexiconOf(...texts: string[]): Lexicon {
  const lexicon = new Lexicon();
  for (const [key, text] of texts.entries()) lexicon.add(key, text);
  return lexicon;
}

describe("the terms of a text", () => {
  it("are its words in lower case; of scripts without spaces the pairs of characters, and each Chinese character", () => {
    expect(termsOf("Error E-404: Ｎetwork down!")).toEqual(["error", "e", "404", "network", "down"]);
    expect(termsOf("网络E628，错")).toEqual(["网", "络", "网络", "e628", "错"]);
    expect(termsOf("価 カタログ データ naïve")).toEqual(["価", "カタ", "タロ", "ログ", "デー", "ータ", "naïve"]);
    expect(termsOf("ราคา 3")).toEqual(["รา", "าค", "คา", "3"]);
    expect(termsOf(" ,.!?、。 ")).toEqual([]);
  });

  it("are the same in traditional and simplified characters", () => {
    expect(termsOf("手機殼 電動車")).toEqual(termsOf("手机壳 电动车"));
    const pairs = simplifiedPairs.match(/../g)!;
    const traditional = new Set(pairs.map((pair) => pair[0]));
    // 苧 is the simplified form of 薴 and the traditional one of 苎
    const folding = pairs.filter((pair) => !traditional.has(pair[1]!));
    expect(folding.length).toBe(pairs.length - 1);
    for (const pair of folding) expect(termsOf(pair[0]!)).toEqual(termsOf(pair[1]!));
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
    const lexicon = lexiconOf("更换空气滤网的步骤", "清洗水箱", "空氣品質指示燈");
    expect(lexicon.search("如何更换滤网？", 3).map(({ key }) => key)).toEqual([0]);
    expect(lexicon.search("空气", 3).map(({ key }) => key)).toEqual([2, 0]);
    expect(lexicon.search("箱", 3).map(({ key }) => key)).toEqual([1]);
    expect(lexicon.search("灯", 3).map(({ key }) => key)).toEqual([2]);
  });

  it("forgets, and lets only those pass that it is told to", () => {
    const lexicon = lexiconOf("one word", "one more", "one less");
    lexicon.remove(1, "one more");
    lexicon.remove(1, "one more");
    expect(lexicon.search("one more", 3).map(({ key }) => key)).toEqual([0, 2]);
    expect(lexicon.search("one", 3, (key) => key === 2).map(({ key }) => key)).toEqual([2]);
    expect(lexicon.search("nothing here", 3)).toEqual([]);
    lexicon.remove(0, "one word");
    lexicon.remove(2, "one less");
    expect([lexicon.size, lexicon.search("one", 3)]).toEqual([0, []]);
  });

  it("scores after any adding and removing as one that never had what was removed", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 6 }).map((words) => words.join(" "));
    const step = fc.record({ key: fc.nat(5), text });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const lexicon = new Lexicon();
        const texts = new Map<number, string>();
        for (const { key, text } of steps) {
          const held = texts.get(key);
          if (held !== undefined) lexicon.remove(key, held);
          if (held === undefined) lexicon.add(key, text);
          if (held === undefined) texts.set(key, text);
          else texts.delete(key);
        }
        const fresh = new Lexicon();
        for (const [key, text] of texts) fresh.add(key, text);
        const scores = (of: Lexicon) => new Map(of.search("a b", 10).map(({ key, score }) => [key, score]));
        expect(lexicon.size).toBe(fresh.size);
        expect(scores(lexicon)).toEqual(scores(fresh));
      }),
    );
  });
});

describe("relevance, judged by hand", () => {
  const { texts, queries } = readRelevance();

  it("names texts that are there, each once", () => {
    const ids = texts.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(queries.flatMap(({ relevant }) => Object.keys(relevant)).filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("is reached as docs/benchmarks.md says", () => {
    const docs = readFileSync(join(import.meta.dirname, "../../docs/benchmarks.md"), "utf8");
    const { chinese, single, english } = meanNdcg(new Lexicon());
    const row = [chinese, single, english].map((value) => value.toFixed(3)).join(" | ");
    expect(docs).toContain(`| ${row} |`);
  });

  it("is less without single characters: the measure can fail", () => {
    const words = new Lexicon((text) => termsOf(text).filter((term) => term.length > 1));
    expect(meanNdcg(words).single).toBe(0);
  });
});

describe("fusing", () => {
  it("prefers what several rankings know, and keeps the order of one alone", () => {
    const ranking = (...keys: number[]) => keys.map((key, i) => ({ key, score: 10 - i }));
    expect(fuse([ranking(1, 2, 3), ranking(9, 3, 8)], 3).map(({ key }) => key)).toEqual([3, 1, 9]);
    expect(fuse([ranking(5, 4)], 9).map(({ key }) => key)).toEqual([5, 4]);
  });
});
