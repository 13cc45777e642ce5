import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvField, csvOf, goldenOf, jsonLinesOf } from "./export.js";
import type { Field, Plan, Row } from "./row.js";

/** A reader by RFC 4180. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (let found = field.exec(text); found && found[0] !== ""; found = field.exec(text)) {
    rows.at(-1)!.push(found[1]?.replaceAll('""', '"') ?? found[2]!);
    if (found[3] === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

const text = fc.string({ unit: "binary", maxLength: 12 });
const question: Plan = { mode: "question", question: "What is it?", fields: [] };
const colour: Field = { id: "c", name: "colour", type: "text", choices: "", required: true };
const fields: Plan = { mode: "fields", question: "", fields: [colour] };
const row = (id: string, part: Partial<Row>): Row => ({ id, place: 0, name: id, state: "done", cells: {}, ...part });

describe("a table as CSV", () => {
  it("is read back whole, whatever stands in names and answers", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 3 }), (pairs) => {
        const rows = pairs.map(([name, value]) => row(name, { cells: { answer: { value } } }));
        const [, ...lines] = readCsv(csvOf(question, rows).slice(1));
        const plain = (text: string) => text.replace(/^'(?=[=+\-@\t\r\n＝＋－＠])/, "");
        expect(lines.map(([name, value]) => [plain(name!), plain(value!)])).toEqual(
          pairs.map(([name, value]) => [plain(name), plain(value)]),
        );
      }),
    );
  });

  it("has no field that a spreadsheet runs, and leaves numbers as they are", () => {
    const formulas = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("x")'];
    for (const text of formulas) expect(readCsv(`${csvField(text)}\r\n`)).toEqual([[`'${text}`]]);
    expect(["-5", "3.25", "-1e9", "a=b", ""].map(csvField)).toEqual(["-5", "3.25", "-1e9", "a=b", ""]);
  });
});

describe("a table as JSON lines", () => {
  it("has values, confidence and what a person did", () => {
    const cells = { colour: { value: "red", probability: 0.5, isCorrected: true, said: "blue" } };
    expect(JSON.parse(jsonLinesOf(fields, [row("a.jpg", { cells, isChecked: true, model: "m" })]))).toEqual({
      picture: "a.jpg",
      state: "done",
      model: "m",
      values: { colour: "red" },
      confidence: { colour: 0.5 },
      corrected: ["colour"],
      checked: true,
    });
  });
});

describe("a table as a golden set", () => {
  it("asks what a person has checked, and holds the rest as proposals", () => {
    const rows = [
      row("a/x.JPG", { cells: { answer: { value: "A dress." } }, isChecked: true }),
      row("b/x.JPG", { cells: { answer: { value: "A bag." } } }),
      row("c.png", { cells: { answer: { value: "?!" } } }), // only signs: no golden answer
      row("d.png", { state: "failed" }),
    ];
    const { text, images } = goldenOf(question, rows, "en");
    const lines = text.trim().split("\n");
    const common = { question: "What is it?", kind: "table", language: "en" };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { image: "images/0001-x.jpg", questions: [{ ...common, answer: "A dress." }] },
      { image: "images/0002-x.jpg", questions: [{ ...common, answer: "A bag.", reviewed: false }] },
    ]);
    expect(images).toEqual([
      ["a/x.JPG", "0001-x.jpg"],
      ["b/x.JPG", "0002-x.jpg"],
    ]);
  });

  it("holds fields by a schema of their values", () => {
    const { text } = goldenOf(fields, [row("a.jpg", { cells: { colour: { value: "red" } }, isChecked: true })], "en");
    expect(JSON.parse(text).questions[0].schema).toEqual({
      type: "object",
      properties: { colour: { const: "red" } },
      required: ["colour"],
      additionalProperties: false,
    });
  });
});
