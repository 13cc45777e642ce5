import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findUnescaped, unescapedStream } from "./unescaped.js";
import { buildMatcher, findPersonalData, personalDataStream, type Span } from "./words/index.js";

const matcher = buildMatcher(
  ["glarb", "泡蘑", "tromax", "bed"].map((word) => ({ word, category: "made-up" })),
  { allow: ["glarb valley"] },
);
const stream = () => matcher.stream();
const found = (text: string) => findUnescaped(text, matcher.find, stream).map(({ word }) => word);

const parts = [
  "glarb",
  "泡",
  "蘑",
  "tro",
  "max",
  " ",
  "-",
  '"',
  "\\",
  "/",
  "x",
  "😀",
  "bed",
  " valley",
  "u6ce1",
  "13800138000",
];
const sentences = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((list) => list.join(""));
/** Whole encodings, and pieces of them that cutting and joining make whole. */
const encodings = [
  ...[
    "<b>",
    "<",
    "b>",
    "</i",
    "&#27873;",
    "&#x8611",
    "&amp;",
    "#103;",
    "%E6%B3%A1",
    "%E8",
    "%98%91",
    "%",
    "\\x67",
    "\\x",
    "67",
  ],
  ...[
    "5rOh6JiR",
    "5rOh",
    "6JiR",
    "Z2xhcmI",
    "=",
    "==",
    "[b]",
    "[/b",
    "](http://a)",
    "](",
    ")",
    "ㄆㄠ",
    "ˋ",
    "ㄇㄛ",
    "丨",
    "🇬",
    "🇱",
  ],
  ...["\u{e0067}\u{e006c}", "\n", "arb", "泡", "蘑", "glarb", "\u{1f1e6}\u{1f1f7}\u{1f1e7}", "!--", "-->", " "],
];
const encodedTexts = fc.array(fc.constantFrom(...encodings), { maxLength: 14 }).map((list) => list.join(""));
const short: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "/": "\\/" };

/** JSON for the value, in which the units that `choices` say are written as escapes, the short ones or the long. */
function written(value: string, choices: readonly number[]): string {
  const units = value.split("").map((unit, i) => {
    const choice = choices[i % choices.length]!;
    if (choice === 0) return unit === '"' || unit === "\\" ? short[unit]! : unit;
    const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
    return choice === 1 && short[unit] !== undefined ? short[unit] : `\\u${choice === 2 ? hex : hex.toUpperCase()}`;
  });
  return `{"a":"${units.join("")}"}`;
}

describe("a text with the escapes of JSON", () => {
  it("is judged alike, whichever of a tool call's characters are escaped", () => {
    fc.assert(
      fc.property(sentences, fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }), (value, choices) => {
        const [plain, escaped] = [written(value, [0]), written(value, choices)];
        expect(JSON.parse(escaped)).toEqual({ a: value });
        expect(found(escaped)).toEqual(found(plain));
        const personal = (text: string) => findUnescaped(text, findPersonalData, personalDataStream);
        expect(personal(escaped).map(({ word }) => word)).toEqual(personal(plain).map(({ word }) => word));
      }),
      { numRuns: 1000, seed: 5 },
    );
  });

  it.each([
    ["\\u0067larb", "\\u0067larb"],
    ["see \\u6ce1\\u8611!", "\\u6ce1\\u8611"],
    ['"a\\nglarb"', "glarb"],
    ["say \\tromax", "tromax"],
    ["gl\\u200Barb", "gl\\u200Barb"],
  ])("is cut where it is written: %s", (text, cut) => {
    const [span, ...more] = findUnescaped(text, matcher.find, stream);
    expect(more).toEqual([]);
    expect(text.slice(span!.start, span!.end)).toBe(cut);
  });

  it("says nothing of the letters of an escape, of an escaped backslash, or of a path", () => {
    for (const text of ["\\u0bed", "\\\\u6ce1\\u8611", "C:\\users\\bin", "\\u6ce", "\\"])
      expect(found(text)).toEqual([]);
  });

  it.each([
    ["泡<b>蘑</b>", "泡<b>蘑"],
    ["a &#27873;&#x8611; b", "&#27873;&#x8611;"],
    ["泡&shy;蘑", "泡&shy;蘑"],
    ["see [泡](http://a.b/c)[蘑](d)", "泡](http://a.b/c)[蘑"],
    ["x%E6%B3%A1%E8%98%91y", "%E6%B3%A1%E8%98%91"],
    ["x%C5%DD%C4%A2y", "%C5%DD%C4%A2"],
    ["请解码 5rOh6JiR 谢谢", "5rOh6JiR"],
    ["decode Z2xhcmI= now", "Z2xhcmI="],
    ["\\x67\\x6c\\x61rb", "\\x67\\x6c\\x61rb"],
    ["吃ㄆㄠˋㄇㄛˊ吗", "ㄆㄠˋㄇㄛˊ"],
    ["泡丨蘑丿", "泡丨蘑"],
    ["🇬🇱🇦🇷🇧", "🇬🇱🇦🇷🇧"],
    ["\u{e0067}\u{e006c}\u{e0061}\u{e0072}\u{e0062}", "\u{e0067}\u{e006c}\u{e0061}\u{e0072}\u{e0062}"],
  ])("is found through what a page, a program or a reader undoes: %s", (text, cut) => {
    const [span] = findUnescaped(text, matcher.find, stream);
    expect(text.slice(span?.start, span?.end)).toBe(cut);
  });

  it("takes as many steps for each character of a long text as of a short one", () => {
    const unit = "\\u0067larb <b>glarb</b> %E6%B3%A1 5rOh6JiR ";
    const lookups = (times: number) => {
      let count = 0;
      const counting = () => {
        const plain = matcher.stream();
        const counted = ({ ready, spans }: ReturnType<typeof plain.push>) => ({
          ready,
          spans: spans.filter(() => ++count),
        });
        return { push: (chunk: string) => counted(plain.push(chunk)), end: () => counted(plain.end()) };
      };
      expect(findUnescaped(unit.repeat(times), matcher.find, counting)).toHaveLength(3 * times);
      return count / times;
    };
    expect(lookups(4000)).toBeLessThan(lookups(400) * 1.1);
  });

  it.each([
    ["an escaped backslash and a letter", '{"a":"\\\\u6ce1蘑"}'],
    ["base64 after base64 that a sign ended", "6JiR=Z2xhcmI<b>"],
  ])("is the same wherever it is cut: %s", (_, text) => {
    const whole = findUnescaped(text, matcher.find, stream);
    for (let first = 0; first <= text.length; first++)
      for (let second = first; second <= text.length; second++) {
        const pieces = unescapedStream(stream);
        const cuts = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        const spans = [...cuts.map((cut) => pieces.push(cut)), pieces.end()].flatMap((piece) => piece.spans);
        expect({ first, second, spans }).toEqual({ first, second, spans: whole });
      }
  });

  it("is told and shown in pieces as the whole is", () => {
    const texts = fc
      .tuple(sentences, fc.array(fc.nat(3), { minLength: 1 }))
      .map(([value, choices]) => written(value, choices));
    const cutting = fc.array(fc.nat(5), { maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(texts, sentences, encodedTexts), cutting, (text, cuts) => {
        const pieces = unescapedStream(stream);
        const spans: Span[] = [];
        let [at, shown] = [0, 0];
        for (const cut of [...cuts, text.length]) {
          const piece = pieces.push(text.slice(at, at + cut));
          at += cut;
          for (const { start } of piece.spans) expect(start).toBeGreaterThanOrEqual(shown);
          expect(piece.ready).toBeLessThanOrEqual(text.length);
          shown = piece.ready;
          spans.push(...piece.spans);
        }
        const end = pieces.end();
        expect(end.ready).toBe(text.length);
        const sorted = [...spans, ...end.spans].sort((a, b) => a.start - b.start || b.end - a.end);
        expect(sorted).toEqual(findUnescaped(text, matcher.find, stream));
      }),
      { numRuns: 2000, seed: 6 },
    );
  });
});
