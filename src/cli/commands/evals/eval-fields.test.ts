/** What `eval --calibrate` writes beside a checkpoint. */
import { expect, it } from "vitest";
import { fittedFile, reportOf } from "./eval-fields.js";

it("temperatures and counts of kinds that are not fitted this time stay", () => {
  const before = { version: 1, temperatures: { enum: 2, number: 3 }, answers: { enum: 200, number: 300 } } as const;
  expect(fittedFile(before, [["enum", { temperature: 1.5, answers: 150 }]])).toEqual({
    version: 1,
    temperatures: { enum: 3, number: 3 },
    answers: { enum: 150, number: 300 },
  });
  expect(fittedFile(undefined, [["string", { temperature: 1.5, answers: 150 }]])).toEqual({
    version: 1,
    temperatures: { string: 1.5 },
    answers: { string: 150 },
  });
});

it("a kind whose answers are all wrong, or all right, has no temperature", () => {
  const fields = (numRight: number) =>
    Array.from({ length: 200 }, (_, i) => ({ kind: "string" as const, probability: 0.1, correct: i < 2 * numRight }));
  const fitted = (numRight: number) => reportOf("string", fields(numRight), { calibrate: true }).calibrated;
  expect([0, 9, 91, 100].map(fitted)).toEqual([undefined, undefined, undefined, undefined]);
  expect(fitted(20)?.temperature).toBeGreaterThan(0.05);
});
