import { describe, expect, it } from "vitest";
import { parseWordList, readWordList, wordListFormat } from "./index.js";

describe("word lists", () => {
  it("reads text with categories and severities", () => {
    const text = "\ufeff# made-up words\nglarb\r\n\n# category: food\n# severity: 3\n泡蘑\n";
    expect(parseWordList(text, "text", "a.txt")).toEqual([
      { word: "glarb", category: "words", severity: 1 },
      { word: "泡蘑", category: "food", severity: 3 },
    ]);
  });

  it("reads CSV with or without a heading, with quotes", () => {
    const rules = [
      { word: "glarb", category: "rude", severity: 2 },
      { word: 'sn"o,ot', category: "words", severity: 1 },
    ];
    expect(parseWordList('word,category,severity\nglarb, rude ,2\n"sn""o,ot"', "csv", "a.csv")).toEqual(rules);
    expect(parseWordList('glarb,rude,2\n"sn""o,ot",,', "csv", "a.csv")).toEqual(rules);
  });

  it("reads JSON by category or as a list", () => {
    const rules = [
      { word: "glarb", category: "rude", severity: 1 },
      { word: "泡蘑", category: "food", severity: 4 },
    ];
    expect(parseWordList('{"rude": ["glarb"], "food": [{"word": "泡蘑", "severity": 4}]}', "json", "a.json")).toEqual(
      rules,
    );
    expect(
      parseWordList(
        '[{"word":"glarb","category":"rude"},{"word":"泡蘑","category":"food","severity":4}]',
        "json",
        "a.json",
      ),
    ).toEqual(rules);
  });

  it.each([
    ["csv", "glarb,rude,2\nsnoot,rude,9", /a\.x, line 2: expected a severity from 1 to 5, found "9"/],
    ["csv", 'glarb,"rude,2', /a\.x, line 1: expected word,category,severity, found a stray quote/],
    ["csv", "a,b,1,d", /a\.x, line 1: .* found 4 cells/],
    ["text", "# severity: high", /a\.x, line 1: expected a severity/],
    ["json", '{"rude": [\n"glarb", 3]}', /a\.x, line 1, category rude, word 2: expected a word/],
    ["json", '{\n"rude": 3}', /a\.x, line 2, category rude: expected a list of words, found number/],
    ["json", '[\n"glarb",\n{"word": "x", "category": 7}]', /a\.x, line 3: expected "category"/],
    ["json", "{", /a\.x: expected JSON/],
    ["json", "3", /a\.x: expected a list or an object of lists, found number/],
  ] as const)("names file and line of a mistake (%s %j)", (format, text, message) => {
    expect(() => parseWordList(text, format, "a.x")).toThrow(message);
  });

  it("takes a text as it is published: comments, several words a line, doubles, lines that are no word", () => {
    const text = `// of somebody\nglarb\t snoot|泡蘑、轮蘑\n!!!\nGLARB\n泡,蘑\n${"长".repeat(65)}\nｇｌａｒｂ`;
    const { rules, lines, leftOut } = readWordList(text, "text", "a.txt");
    expect(rules.map(({ word }) => word)).toEqual(["glarb", "snoot", "泡蘑", "轮蘑", "泡,蘑"]);
    expect(lines).toEqual([2, 2, 2, 2, 5]);
    expect(leftOut.map(({ line, kind }) => [line, kind])).toEqual([
      [3, "unusable"],
      [4, "duplicate"],
      [6, "unusable"],
      [7, "duplicate"],
    ]);
  });

  it("tells the format by the name", () => {
    expect(["a.txt", "a.CSV", "b.json", "words"].map(wordListFormat)).toEqual(["text", "csv", "json", "text"]);
  });
});
