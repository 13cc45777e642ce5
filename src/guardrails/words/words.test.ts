import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { buildMatcher, type Folding, type MatcherOptions, type WordRule } from "./index.js";

const rules: WordRule[] = [
  { word: "glarb", category: "made-up", severity: 3 },
  { word: "snoot", category: "made-up" },
  { word: "floop snib", category: "made-up" },
  { word: "zork*", category: "made-up" },
  { word: "泡蘑", category: "food" },
  { word: "好彩云网", category: "food", severity: 2 },
  { word: "轮蘑", category: "food" },
];
const allow = ["反泡蘑", "glarb valley"];
const found = (text: string, options: MatcherOptions = { allow }) =>
  buildMatcher(rules, options)
    .find(text)
    .map(({ start, end, word }) => [word, text.slice(start, end)]);

describe("words", () => {
  it.each<[string, string, string, Folding | undefined]>([
    ["as it is", "a glarb!", "glarb", undefined],
    ["as it is, Chinese", "吃泡蘑吗", "泡蘑", undefined],
    ["full width", "ｇｌａｒｂ", "glarb", "width"],
    ["circled letters", "ⓖⓛⓐⓡⓑ", "glarb", "width"],
    ["mathematical letters", "𝐠𝐥𝐚𝐫𝐛", "glarb", undefined],
    ["case", "GLarB", "glarb", "case"],
    ["zero width", "g\u200bla\u2060rb", "glarb", "invisible"],
    ["combining marks", "gl\u0301a\u0308rb", "glarb", "invisible"],
    ["traditional", "輪蘑", "轮蘑", "script"],
    ["look-alikes", "gl\u0430rb", "glarb", "lookalikes"],
    ["repeats", "glaaaarb", "glarb", "repeats"],
    ["repeats of a double letter", "snooooot", "snoot", "repeats"],
    ["separators", "泡-_蘑", "泡蘑", "separators"],
    ["spaced letters", "s n o o t", "snoot", "separators"],
    ["two halves", "女子彩云网", "好彩云网", "split"],
    ["pinyin", "paomo", "泡蘑", "pinyin"],
    ["pinyin with tones", "pào mó", "泡蘑", "pinyin"],
    ["pinyin with digits", "pao4mo2", "泡蘑", "pinyin"],
    ["half pinyin", "泡mo", "泡蘑", "pinyin"],
    ["homophones", "郝采芸网", "好彩云网", "homophones"],
    ["leet", "gl4rb", "glarb", "leet"],
  ])("finds a word written with %s, and not without that folding", (_, text, word, folding) => {
    expect(found(text).map(([w]) => w)).toEqual([word]);
    if (folding) expect(found(text, { [folding]: false })).toEqual([]);
  });

  it("finds digits in any style", () => {
    const matcher = buildMatcher([{ word: "7号云", category: "n" }]);
    for (const text of ["7号云", "７号云", "⑦号云", "七号云", "柒号云", "٧号云"])
      expect(matcher.find(text)).toHaveLength(1);
  });

  it("tells places in the original text", () => {
    const [span] = buildMatcher(rules).find("💬 ＧＬ\u200bＡＲＢ!");
    expect(span).toEqual({ start: 3, end: 9, category: "made-up", word: "glarb", severity: 3 });
  });

  it.each([
    "glarbs",
    "aglarb",
    "snot",
    "sno ot",
    "glar b",
    "gl. Arboreal",
    "azorkmid",
    "泡。蘑",
    "贝泡",
    "p a o",
    "3n00",
    "snooty",
  ])("finds nothing in %s", (text) => expect(found(text)).toEqual([]));

  it.each<[string, string, string]>([
    ["a homophone that stands in common words", "系统中心", "这个系统重新开始"],
    ["a homophone among particles", "共享盒", "这些可以共享和使用"],
    ["a gap between two common words", "向导", "打开指向「导航」的"],
    ["halves that are words of their own", "好彩云", "这些女子彩云和"],
    ["the end of one word and the beginning of another", "法轮", "无法轮换的"],
    ["a look-alike in a common word", "大麻", "太麻烦了"],
    ["a shorter number in another style", "一五", "15 and 1:5"],
    ["two characters of which one is a digit in another style", "八分", "8分"],
    ["a part of a longer number", "89云", "1989云"],
    ["a hexadecimal number", "gezet", "6e2e7"],
    ["letters of two characters, apart", "2b", "2,B"],
    ["a numeral in common words", "3陪小姐", "一位三陪小姐说"],
    ["a longer run of a digit", "口7", "进口777亿"],
    ["a quotation that ends within a word", "彩云轮船", "这个“彩云”轮船的"],
    ["a quantity", "lsg", "最多15G就"],
    ["a unit behind a number", "吗的", "5200mA的"],
    ["an address", "泡蘑", "paomo@mail.example"],
    ["a surname before a name", "记者证", "本报记者郑梦熊"],
    ["an idiom with a sound of it", "满腹精轮", "听着满腹经纶的"],
    ["an abbreviation that Chinese stands apart from", "前满", "前 MAN"],
  ])("finds nothing in %s", (_, word, text) => {
    const matcher = buildMatcher([{ word, category: "n" }]);
    expect(matcher.find(text)).toEqual([]);
    expect(matcher.find(word)).toHaveLength(1);
  });

  it.each<[string, string]>([
    ["系统中心", "系统中芯"],
    ["共享盒", "共享禾"],
    ["向导", "打开指向*导航"],
    ["向导", "打开指向👉导航"],
    ["法轮课", "这个法.轮.课好"],
    ["八九六四", "8964"],
    ["一夜云", "1夜云"],
    ["八九云", "8 9 云"],
    ["法轮", "练法轮的"],
    ["轮课", "抡课"],
    ["泡蘑", "泡------蘑"],
    ["泡蘑", "\n泡\n蘑\n"],
    ["大麻", "太麻出售"],
    ["法轮课", "练法（轮）课的"],
    ["泡蘑", "吃泡(蘑)"],
    ["记者证", "办记者郑"],
  ])("finds %s in %s, which is not ordinary", (word, text) => {
    expect(buildMatcher([{ word, category: "n" }]).find(text)).toHaveLength(1);
  });

  it("finds a starred word within a longer one, and a word of two words", () => {
    expect(found("zorkmid floop  snib")).toEqual([
      ["zork*", "zork"],
      ["floop snib", "floop  snib"],
    ]);
  });

  it("does not take an English word for pinyin", () => {
    const matcher = buildMatcher([{ word: "我们", category: "n" }]);
    expect(matcher.find("women she women")).toEqual([]);
    expect(matcher.find("wo men")).toHaveLength(1);
  });

  it("finds nothing within an allowed phrase, and the same word outside it", () => {
    expect(found("反泡蘑，泡蘑; Glarb Valley has a glarb")).toEqual([
      ["泡蘑", "泡蘑"],
      ["glarb", "glarb"],
    ]);
  });

  it("refuses a word without anything to compare", () => {
    expect(() => buildMatcher([{ word: "!?", category: "n" }])).toThrow(
      ocellusError("invalid_request", { word: "!?", found: expect.any(Number) }),
    );
    expect(() => buildMatcher([{ word: "x".repeat(15) + "ab".repeat(30), category: "n" }])).toThrow(
      ocellusError("invalid_request", { limit: 64, found: 75 }),
    );
  });
});

/** Pieces that words, their disguises and their allowed phrases are made of. */
const pieces = fc.constantFrom(
  ...[
    "g",
    "l",
    "a",
    "r",
    "b",
    "s",
    "n",
    "o",
    "t",
    "4",
    "0",
    " ",
    "-",
    ".",
    "\u200b",
    "泡",
    "蘑",
    "反",
    "女",
    "子",
    "好",
    "彩",
    "云",
  ],
  ...[
    "网",
    "糖水",
    "輪",
    "轮",
    "子",
    "pao",
    "mo",
    "hao",
    "cai",
    "𝐠",
    "😀",
    "\ud83d",
    "。",
    "\n",
    "glarb",
    " valley",
    "glarb",
    "floop",
    "snib",
    "zork",
  ],
);
const texts = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(""));

/** Text cut at these places, each taken modulo what is left. */
function chunks(text: string, cuts: readonly number[]): string[] {
  const parts: string[] = [];
  let rest = text;
  for (const cut of cuts) {
    parts.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...parts, rest];
}

describe("a stream of words", () => {
  const matcher = buildMatcher(rules, { allow });
  const cutting = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 60 });

  it("finds and shows under any chunking what the whole text does", () => {
    fc.assert(
      fc.property(texts, cutting, (text, cuts) => {
        const stream = matcher.stream();
        const told = [...chunks(text, cuts).map((chunk) => stream.push(chunk)), stream.end()];
        expect(told.at(-1)!.ready).toBe(text.length);
        expect(told.flatMap(({ spans }) => spans)).toEqual(matcher.find(text));
      }),
      { numRuns: 2000, seed: 7 },
    );
  });

  it("shows no text before every span that touches it is told", () => {
    fc.assert(
      fc.property(texts, cutting, (text, cuts) => {
        const stream = matcher.stream();
        let shown = 0;
        for (const chunk of chunks(text, cuts)) {
          const { ready, spans } = stream.push(chunk);
          for (const span of spans) expect(span.start).toBeGreaterThanOrEqual(shown);
          expect(ready).toBeGreaterThanOrEqual(shown);
          shown = ready;
        }
        for (const span of stream.end().spans) expect(span.start).toBeGreaterThanOrEqual(shown);
      }),
      { numRuns: 1000, seed: 8 },
    );
  });

  it("holds back only what may become a match", () => {
    const stream = matcher.stream();
    expect(stream.push("Hello there gla").ready).toBe("Hello there ".length);
    expect(stream.push("d").ready).toBe("Hello there glad".length);
    expect(stream.push("这是泡").ready).toBe("Hello there glad这是".length);
    expect(stream.push("茶").ready).toBe("Hello there glad这是泡茶".length);
  });

  it("holds back a bounded text, whatever comes", () => {
    for (const unit of ["g", "glarb-", "\u200b", "pao", "好", "g-"]) {
      const stream = matcher.stream();
      for (let i = 1; i <= 3000; i++) expect(i * unit.length - stream.push(unit).ready).toBeLessThan(10_000);
    }
  });
});
