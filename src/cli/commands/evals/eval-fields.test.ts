/** What `eval --calibrate` writes beside a checkpoint. */
import { expect, it } from "vitest";
import { fittedFile } from "./eval-fields.js";

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
