import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batches, learningRateAt, numStepsOf, type Schedule, stepsPerEpoch } from "./schedule.js";

const schedules = fc.record<Schedule>({
  numExamples: fc.integer({ min: 1, max: 60 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  epochs: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(2 ** 32 - 1),
});

describe("the order of questions", () => {
  it("has each once an epoch, whichever step is asked for first", () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const [perEpoch, all] = [stepsPerEpoch(schedule), batches(schedule)];
        for (let epoch = 0; epoch < schedule.epochs; epoch++) {
          const steps = Array.from({ length: perEpoch }, (_, i) => epoch * perEpoch + i);
          const seen = steps.flatMap((step) => all(step));
          expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: schedule.numExamples }, (_, i) => i));
        }
        const last = numStepsOf(schedule) - 1;
        expect(batches(schedule)(last)).toEqual(all(last)); // as a run that continues asks
      }),
    );
  });

  it("takes the old questions in turn: none again before all have come", () => {
    const schedule: Schedule = {
      ...{ numExamples: 5, batchSize: 3, epochs: 4, seed: 1 },
      rehearsal: { numExamples: 8, perEpoch: 4 },
    };
    const perEpoch = stepsPerEpoch(schedule);
    const of = (epoch: number) => Array.from({ length: perEpoch }, (_, i) => batches(schedule)(epoch * perEpoch + i)).flat(); // biome-ignore format: one thought
    const old = [of(0), of(1)].flatMap((seen) => seen.filter((index) => index >= 5));
    expect(old.toSorted((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(of(2).filter((index) => index < 5)).toHaveLength(5);
  });
});

it("the learning rate rises linearly, is full once, and falls to zero", () => {
  const rates = { learningRate: 2, warmupSteps: 4, numSteps: 12 };
  const found = Array.from({ length: 13 }, (_, step) => learningRateAt(step, rates));
  expect(found.slice(0, 5)).toEqual([0.5, 1, 1.5, 2, 2]);
  expect(found[8]).toBeCloseTo(1, 12); // half-way down
  expect(found[12]).toBeCloseTo(0, 12);
  for (let i = 5; i < 13; i++) expect(found[i]!).toBeLessThan(found[i - 1]!);
});
