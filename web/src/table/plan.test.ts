import { describe, expect, it } from "vitest";
import type { ChatCompletion } from "../../../src/protocol/index.js";
import { cellsOf, planProblem, promptOf, schemaOf, tableRequest } from "./plan.js";
import { corrected, type Field, isDoubtful, type Plan, plainView, type Row, shownRows, sureness } from "./row.js";

const field = (name: string, type: Field["type"], part: Partial<Field> = {}): Field => {
  return { id: name, name, type, choices: "", required: true, ...part };
};
const fields = [
  field("name", "text"),
  field("price", "number", { required: false }),
  field("new", "yesNo"),
  field("colour", "choice", { choices: "red， blue, red" }),
  field("tags/all", "list"),
];
const plan: Plan = { mode: "fields", question: "", fields };

function completion(content: string, part: object = {}, finish = "stop"): ChatCompletion {
  return { choices: [{ message: { content }, finish_reason: finish }], ocellus: part } as unknown as ChatCompletion;
}

describe("what is asked of each picture", () => {
  it("becomes a schema and words that name the same fields", () => {
    expect(schemaOf(fields)).toEqual({
      type: "object",
      properties: {
        name: { type: "string" },
        price: { type: "number" },
        new: { type: "boolean" },
        colour: { enum: ["red", "blue"] },
        "tags/all": { type: "array", items: { type: "string" }, maxItems: 32 },
      },
      required: ["name", "new", "colour", "tags/all"],
      additionalProperties: false,
    });
    for (const language of ["en", "zh"] as const)
      for (const { name } of fields) expect(promptOf(plan, language)).toContain(`- ${name}`);
    expect(tableRequest(plan, "m", "data:,", "en")).toMatchObject({ ocellus: { fields: true }, model: "m" });
    expect(tableRequest({ ...plan, mode: "question", question: "What?" }, "m", "data:,", "en").ocellus).toBeUndefined();
  });

  it("is refused by what is missing", () => {
    const problem = (...own: Field[]) => planProblem({ ...plan, fields: own });
    expect(planProblem({ ...plan, mode: "question", question: " " })).toBe("question");
    expect([problem(), problem(field(" ", "text"))]).toEqual(["fields", "name"]);
    expect(problem(field("a", "text"), field("a ", "text"))).toBe("twice");
    expect(problem(field("a", "choice", { choices: "red" }))).toBe("choices");
    expect(planProblem(plan)).toBeUndefined();
  });
});

describe("an answer", () => {
  it("becomes cells, each as sure as its least sure part", () => {
    const said = { name: "Cup", new: true, colour: "red", "tags/all": ["a", "b"] };
    const cells = cellsOf(
      plan,
      completion(JSON.stringify(said), {
        fields: {
          "/colour": { probability: 0.7, alternatives: [{ value: "blue", probability: 0.2 }, { starts_with: "x" }] },
          "/tags~1all/0": { probability: 0.9 },
          "/tags~1all/1": { probability: 0.4 },
        },
      }),
    )!;
    expect(cells).toEqual({
      name: { value: "Cup" },
      new: { value: true },
      colour: { value: "red", probability: 0.7, others: ["blue"] },
      "tags/all": { value: ["a", "b"], probability: 0.4 },
    });
    expect(cellsOf(plan, completion("{", {}, "length"))).toBeUndefined();
    expect(() => cellsOf(plan, completion("sorry"))).toThrow(SyntaxError);
  });

  it("that is corrected is certain, and the model's own again when it is put back", () => {
    const wrong = corrected({ value: "red", probability: 0.3 }, "blue");
    expect(wrong).toEqual({ value: "blue", probability: 0.3, isCorrected: true, said: "red" });
    expect(corrected(corrected(wrong, "green"), "red")).toEqual({ value: "red", probability: 0.3 });
    const row = { cells: { a: wrong }, state: "done" } as unknown as Row;
    expect([sureness(row), isDoubtful(row)]).toEqual([1, false]);
  });
});

describe("the rows that are shown", () => {
  const row = (name: string, value: unknown, probability?: number): Row => {
    const cell = { value, ...(probability !== undefined && { probability }) };
    return { id: name, place: Number(name), name, state: "done", cells: value === undefined ? {} : { a: cell } };
  };
  const rows = [row("0", 10, 0.95), row("1", 9, 0.2), row("2", undefined), row("3", "Ａ面", 0.5)];
  const names = (part: object) => shownRows(rows, { ...plainView, ...part }).map(({ name }) => name);

  it("are sorted by any column, those without a value last", () => {
    const by = { by: "column", column: "a" };
    expect([names({ sort: by }), names({ sort: by, isDown: true })]).toEqual([
      ["1", "0", "3", "2"],
      ["3", "0", "1", "2"],
    ]);
    expect(names({ sort: { by: "sureness" } })).toEqual(["1", "3", "0", "2"]);
  });

  it("are those that hold the words, of the kind that is wanted", () => {
    expect([names({ search: "面" }), names({ filter: "doubtful" }), names({ filter: "failed" })]).toEqual([
      ["3"],
      ["1", "3"],
      [],
    ]);
  });
});
