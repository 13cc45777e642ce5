/** Reliability of fields that are drawn with a known temperature, which the fit finds again. */
import { describe, expect, it } from "vitest";
import { calibratedProbability } from "../core/runtime/index.js";
import type { EvalCase } from "./eval-set.js";
import { fieldSchemas, fitTemperature, halves, type JudgedField, loss, reliabilityOf } from "./reliability.js";

/** Says `p`, and is right as often as `temperature` makes of it. */
function drawn(temperature: number, count = 20_000): JudgedField[] {
  let state = 7;
  const next = () => {
    state = (state * 1103515245 + 12345) % 2 ** 31; // a linear congruential generator: the same fields in every run
    return state / 2 ** 31;
  };
  return Array.from({ length: count }, () => {
    const probability = 0.02 + 0.96 * next();
    return { kind: "enum", probability, correct: next() < calibratedProbability(probability, temperature) };
  });
}

describe("reliability", () => {
  it("has an error near zero for fields that are right as often as they say, and a large one for boasters", () => {
    expect(reliabilityOf(drawn(1)).calibrationError).toBeLessThan(0.02);
    expect(reliabilityOf(drawn(4)).calibrationError).toBeGreaterThan(0.1);
  });

  it("counts every field in one bin", () => {
    const fields = [0, 0.05, 0.1, 0.95, 1].map(
      (probability, i): JudgedField => ({ kind: "enum", probability, correct: i > 2 }),
    );
    const { bins, accuracy, calibrationError } = reliabilityOf(fields);
    expect(bins.map((bin) => [bin.from, bin.fields, bin.accuracy])).toEqual([
      [0, 2, 0],
      [0.1, 1, 0],
      [0.9, 2, 1],
    ]);
    expect(accuracy).toBe(0.4);
    expect(calibrationError).toBeCloseTo((2 * 0.025 + 0.1 + 2 * 0.025) / 5, 9);
  });

  it.each([0.5, 1, 2.5])("is corrected by the temperature %f that the fields were drawn with", (temperature) => {
    const [fit, judge] = halves(drawn(temperature));
    const found = fitTemperature(fit);
    expect(found / temperature).toBeGreaterThan(0.9);
    expect(found / temperature).toBeLessThan(1.1);
    expect(loss(judge, found)).toBeLessThanOrEqual(loss(judge, 1) + 1e-3);
    const calibrated = judge.map((each) => ({ ...each, probability: calibratedProbability(each.probability, found) }));
    expect(reliabilityOf(calibrated).calibrationError).toBeLessThan(0.02);
  });
});

describe("schemas of questions", () => {
  const asked = (kind: string, answer: string, language = "en") =>
    ({
      kind,
      answer,
      language,
      accept: [],
      scene: "",
      question: "?",
      image: "x",
      origin: kind,
      reviewed: true,
    }) as EvalCase;
  it("are the answers of a kind in a language, numbers, or text where there are many", () => {
    const many = Array.from({ length: 65 }, (_, i) => asked("code", `E${i}`));
    const cases = [
      asked("colour", "red"),
      asked("colour", "blue"),
      asked("colour", "红", "zh"),
      asked("count", "3"),
      asked("count", "12"),
      ...many,
    ];
    const schemas = fieldSchemas(cases);
    expect(cases.slice(0, 6).map((each) => schemas.get(each))).toEqual([
      { enum: ["blue", "red"] },
      { enum: ["blue", "red"] },
      undefined, // one answer is no question
      { type: "integer", minimum: 0 },
      { type: "integer", minimum: 0 },
      { type: "string", maxLength: 64 },
    ]);
  });
});
