import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { type Score, wilsonInterval } from "../../evals/index.js";
import { type EvalRun, evalReport } from "./eval-report.js";

const score = (group: string, language: string, correct: number, questions: number): Score => ({
  ...{ group, language, correct, questions, accuracy: correct / questions },
  ...wilsonInterval(correct, questions),
});
const run = (weights: string, correct: number): EvalRun => ({
  weights,
  questions: 400,
  unlikeImages: 0,
  seconds: 2,
  scores: [
    score("class/one", "all", correct, 200),
    score("class/one", "en", correct - 100, 100),
    score("code", "en", 190, 200),
  ],
});

describe("evalReport", () => {
  const report = evalReport(
    [run("fp32", 180), run("int4", 174)],
    { "class/one": 88, code: 95 },
    pc.createColors(false),
  );

  it("prints the formats side by side with intervals, and marks goals", () => {
    const lines = report.split("\n");
    expect(lines[0]).toMatch(/^question +language +asked +fp32 +\[95 % interval\] +int4 +\[95 % interval\] +goal$/);
    expect(lines[1]).toMatch(/^class\/one +all +200 +90\.0 \[85\.1–93\.4\] ✓ +87\.0 \[81\.6–91\.0\] ✗ +≥ 88$/);
    expect(lines[2]).toMatch(/^ +en +100 +80\.0 /);
  });

  it("sums up goals by both languages together, and what int4 costs against fp32", () => {
    expect(report).toContain("goals, fp32: 2 of 2 passed");
    expect(report).toContain("goals, int4: 1 of 2 passed, missed: class/one 87.0 < 88");
    expect(report).toContain("int4 against fp32: −1.50 points on average, −3.00 at worst (class/one)");
    expect(report).toContain("fp32: 400 questions in 2.0 s, 200.0 questions/s");
  });
});
