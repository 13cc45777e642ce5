import { describe, expect, it } from "vitest";
import type { EvalCase } from "./eval-set.js";
import { pairedMargin, taskScores } from "./task-score.js";

const caseOf = (kind: string, i: number): EvalCase => ({
  ...{ kind, scene: i % 2 === 0 ? "one" : "many", language: i % 3 === 0 ? "en" : "zh" },
  ...{ question: "", accept: [], reviewed: true, image: "", origin: "" },
});

describe("taskScores", () => {
  const cases = [
    ...Array.from({ length: 100 }, (_, i) => caseOf("class", i)),
    ...Array.from({ length: 50 }, (_, i) => caseOf("code", i)),
  ];
  const exact = cases.map((_, i) => i >= 20); // 80 of 100, 50 of 50

  it("adds up scenes and languages, and counts only answers that changed", () => {
    const correct = cases.map((_, i) => (i >= 19 && i < 97) || i >= 100); // one gained, three lost, none in code
    const [first, second] = taskScores(cases, correct, exact);
    expect(first).toMatchObject({ task: "class", questions: 100, accuracy: 0.78, points: -2, isBeyond: true });
    expect(second).toMatchObject({ task: "code", questions: 50, accuracy: 1, points: 0, isBeyond: false });
    expect(first!.margin).toBeGreaterThan(second!.margin / 2);
  });

  it("does not flag a point exactly, nor what was gained", () => {
    const lostOne = cases.map((_, i) => i >= 21);
    expect(taskScores(cases, lostOne, exact)[0]).toMatchObject({ points: -1, isBeyond: false });
    const gainedMany = cases.map(() => true);
    expect(taskScores(cases, gainedMany, exact)[0]).toMatchObject({ points: 20, isBeyond: false });
  });
});

describe("pairedMargin", () => {
  // by hand: n = 52, d = 4/52, √((10 + 1)/52 − d²)/√52 · 1.96
  it("is Agresti and Min's", () => {
    expect(pairedMargin(7, 3, 50)).toBeCloseTo(1.959964 * Math.sqrt((11 / 52 - (4 / 52) ** 2) / 52), 6);
  });

  it("shrinks with the root of the number of questions", () => {
    expect(pairedMargin(0, 0, 1598) / pairedMargin(0, 0, 398)).toBeCloseTo(1 / 4, 10);
    expect(pairedMargin(40, 40, 3998) / pairedMargin(10, 10, 998)).toBeCloseTo(1 / 2, 1);
  });
});
