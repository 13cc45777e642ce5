import { describe, expect, it } from "vitest";
import { markdownOf, plainTextOf } from "./markdown.js";
import type { Block } from "./page.js";

const box = [0, 0, 1, 1] as const;
const blocks: readonly Block[] = [
  { kind: "heading", level: 2, text: "Parts *", box },
  { kind: "item", marker: "-", text: "filter", box },
  { kind: "item", marker: "-", text: "seal", box },
  { kind: "item", marker: "1.", text: "open", box },
  { kind: "item", marker: "(a)", text: "close", box },
  {
    kind: "table",
    rows: [
      ["a|b", "c"],
      ["", "1"],
    ],
    box,
  },
  { kind: "markdown", text: "| a |\n| --- |\n", box },
];

describe("markdownOf", () => {
  it("writes headings, lists and tables", () => {
    expect(markdownOf(blocks).split("\n")).toEqual([
      ...["## Parts \\*", "", "- filter", "- seal", "", "1. open", "- (a) close", ""],
      ...["| a\\|b | c |", "| --- | --- |", "|  | 1 |", "", "| a |", "| --- |"],
    ]);
  });

  it.each([
    ["snake_case and _this_", "snake_case and \\_this\\_"],
    ["a * b, `c`", "a \\* b, \\`c\\`"],
    ["1. no list", "1\\. no list"],
    ["12) no list", "12\\) no list"],
    ["# no heading", "\\# no heading"],
    ["- no item", "\\- no item"],
    ["-5 degrees", "-5 degrees"],
    ["---", "\\---"],
    ["> no quotation", "\\> no quotation"],
    ["<b> and 1 < 2", "\\<b> and 1 < 2"],
    ["[a](b) and [1]", "[a\\](b) and [1]"],
    ["&lt; and R&D", "\\&lt; and R&D"],
    ["C:\\!dir\\name", "C:\\\\!dir\\name"],
    ["two\nlines", "two lines"],
  ])("a letter of the page is no mark-up: %s", (text, expected) => {
    expect(markdownOf([{ kind: "paragraph", text, box }])).toBe(expected);
  });
});

describe("plainTextOf", () => {
  it("writes words alone, with the markers of lists", () => {
    expect(plainTextOf(blocks).split("\n")).toEqual([
      ...["Parts *", "", "- filter", "- seal", "", "1. open", "(a) close", "", "a|b\tc", "\t1", "", "| a |", "| --- |"],
      "",
    ]);
  });
});
