import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normaliseAnswer } from "./answer-text.js";
import { isCorrect, scoreAnswers, wilsonInterval } from "./eval-score.js";
import type { EvalCase } from "./eval-set.js";

describe("normaliseAnswer", () => {
  it("ignores case, white space and the final stop in both languages", () => {
    expect(normaliseAnswer("  A red\n dress. ")).toBe("a red dress");
    expect(normaliseAnswer("连衣裙。")).toBe("连衣裙");
    expect(normaliseAnswer("Yes!")).toBe(normaliseAnswer("yes"));
    expect(normaliseAnswer("是!")).toBe("是");
  });

  it("keeps punctuation inside an answer", () => {
    expect(normaliseAnswer("$12.90.")).toBe("$12.90");
    expect(normaliseAnswer("Error, code 404.")).toBe("error, code 404");
  });
});

describe("isCorrect", () => {
  it("takes the answer or any accepted one, whole", () => {
    const expected = { answer: "Two.", accept: ["2"] };
    expect(isCorrect("two", expected)).toBe(true);
    expect(isCorrect("2.", expected)).toBe(true);
    expect(isCorrect("Two items.", expected)).toBe(false);
    expect(isCorrect("", expected)).toBe(false);
    expect(isCorrect("", { accept: [], pattern: "^x" })).toBe(false);
  });

  it("takes the items of a set in any order, all of them and no other", () => {
    const expected = { accept: [], set: ["red", "dark blue", "black and white"] };
    for (const text of [
      "Dark blue, black, white and red.",
      "white\nblack\nred\ndark blue",
      "red; dark blue; black & white; red",
    ])
      expect(isCorrect(text, expected), text).toBe(true);
    for (const text of ["red, dark blue", "red, dark blue, black, white, green", "red dark blue black white", ""])
      expect(isCorrect(text, expected), text).toBe(false);
    expect(isCorrect("蓝色、红色和绿色。", { accept: [], set: ["红色", "绿色", "蓝色"] })).toBe(true);
  });

  it("takes what a pattern is found in, and JSON by a schema", () => {
    expect(isCorrect(" Error, code 404. ", { accept: [], pattern: "code 40[34]" })).toBe(true);
    expect(isCorrect("Error", { accept: ["fault"], pattern: "code 40[34]" })).toBe(false);
    const schema = { type: "object", properties: { price: { type: "number" } }, required: ["price"] };
    expect(isCorrect('{"name": "bag", "price": 3}', { accept: [], schema })).toBe(true);
    expect(isCorrect('{"price": "3"}', { accept: [], schema })).toBe(false);
    expect(isCorrect("3", { accept: [], schema })).toBe(false);
    expect(isCorrect("no JSON", { accept: [], schema })).toBe(false);
  });
});

describe("wilsonInterval", () => {
  // Reference: scipy 1.17.1, stats.binomtest(correct, total).proportion_ci(0.95, "wilson").
  it.each([
    [0, 10, 0, 0.277533],
    [5, 10, 0.236593, 0.763407],
    [88, 100, 0.801879, 0.930006],
    [950, 1000, 0.934686, 0.96187],
    [1000, 1000, 0.996173, 1],
  ])("of %i in %i is %f to %f", (correct, total, low, high) => {
    const interval = wilsonInterval(correct, total);
    expect(interval.low).toBeCloseTo(low, 5);
    expect(interval.high).toBeCloseTo(high, 5);
  });

  it("always holds the measured share and stays in 0..1", () => {
    const counts = fc
      .integer({ min: 1, max: 5000 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
    fc.assert(
      fc.property(counts, ([correct, total]) => {
        const { low, high } = wilsonInterval(correct, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(correct / total + 1e-12);
        expect(high).toBeGreaterThanOrEqual(correct / total - 1e-12);
      }),
      { seed: 1 },
    );
  });
});

const answered = (kind: string, scene: string, language: string, correct: boolean) => ({
  case: { kind, scene, language, question: "", accept: [], reviewed: true, image: "", origin: "" } satisfies EvalCase,
  text: "",
  correct,
});

describe("scoreAnswers", () => {
  it("counts each kind over all scenes and in each, in all languages and in each", () => {
    const scores = scoreAnswers([
      answered("class", "one", "en", true),
      answered("class", "one", "zh", false),
      answered("class", "many", "en", true),
      answered("code", "", "en", true),
    ]);
    expect(scores.map(({ group, language, correct, questions }) => [group, language, correct, questions])).toEqual([
      ["class", "all", 2, 3],
      ["class", "en", 2, 2],
      ["class", "zh", 0, 1],
      ["class/one", "all", 1, 2],
      ["class/one", "en", 1, 1],
      ["class/one", "zh", 0, 1],
      ["class/many", "en", 1, 1],
      ["code", "en", 1, 1],
    ]);
  });
});
