import { describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
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
    [
      "csv",
      "glarb,rude,2\nsnoot,rude,9",
      { place: "a.x, line 2", expected: expect.stringContaining("1 to 5"), found: '"9"' },
    ],
    [
      "csv",
      'glarb,"rude,2',
      { place: "a.x, line 1", expected: "word,category,severity", found: expect.stringContaining('"rude') },
    ],
    ["csv", "a,b,1,d", { place: "a.x, line 1", found: "4 cells" }],
    ["text", "# severity: high", { place: "a.x, line 1", expected: expect.stringContaining("1 to 5") }],
    ["json", '{"rude": [\n"glarb", 3]}', { place: "a.x, line 1, category rude, word 2", found: "none" }],
    ["json", '{\n"rude": 3}', { place: "a.x, line 2, category rude", found: "number" }],
    [
      "json",
      '[\n"glarb",\n{"word": "x", "category": 7}]',
      { place: "a.x, line 3", expected: expect.stringContaining('"category"'), found: "7" },
    ],
    ["json", "{", { place: "a.x", expected: "JSON" }],
    ["json", "3", { place: "a.x", found: "number" }],
  ] as const)("names file and line of a mistake (%s %j)", (format, text, details) => {
    expect(() => parseWordList(text, format, "a.x")).toThrow(ocellusError("invalid_file", details));
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
