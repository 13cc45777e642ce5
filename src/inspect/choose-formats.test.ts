import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import type { WeightFormat } from "../core/tensor/index.js";
import { chooseFormats, type FormatOption } from "./choose-formats.js";

const format: WeightFormat = { kind: "int4", blockSize: 32 };
const options = fc.record({
  bytes: fc.integer({ min: 1, max: 1000 }),
  error: fc.double({ min: 0, max: 9, noNaN: true }),
});
const matrices = fc.array(fc.array(options, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 });
const withFormat = (all: readonly (readonly { bytes: number; error: number }[])[]): FormatOption[][] =>
  all.map((list) => list.map((option) => ({ format, ...option })));
const sum = (chosen: readonly FormatOption[], key: "bytes" | "error") => chosen.reduce((total, o) => total + o[key], 0);
const smallest = (all: readonly (readonly FormatOption[])[]) =>
  all.reduce((total, list) => total + Math.min(...list.map(({ bytes }) => bytes)), 0);

describe("chooseFormats", () => {
  it("never exceeds the budget, and takes one of each matrix's own options", () => {
    const property = fc.property(matrices, fc.nat(20_000), fc.nat(500), (all, extra, fixed) => {
      const lists = withFormat(all);
      const budget = smallest(lists) + fixed + extra;
      const chosen = chooseFormats(lists, budget, fixed);
      expect(sum(chosen, "bytes") + fixed).toBeLessThanOrEqual(budget);
      for (const [i, option] of chosen.entries()) expect(lists[i]).toContain(option);
    });
    fc.assert(property, { seed: 1 });
  });

  it("never does worse, by its own measure, with a larger budget", () => {
    const property = fc.property(matrices, fc.nat(3_000), fc.nat(3_000), (all, extra, more) => {
      const lists = withFormat(all);
      const budget = smallest(lists) + extra;
      const [small, large] = [budget, budget + more].map((bytes) => sum(chooseFormats(lists, bytes), "error"));
      expect(large).toBeLessThanOrEqual(small! + 1e-9);
    });
    fc.assert(property, { seed: 1, numRuns: 2000 });
  });

  it("gives every matrix its best when all fits", () => {
    const property = fc.property(matrices, (all) => {
      const lists = withFormat(all);
      const best = lists.reduce((total, list) => total + Math.min(...list.map(({ error }) => error)), 0);
      expect(sum(chooseFormats(lists, 1e6), "error")).toBeCloseTo(best, 9);
    });
    fc.assert(property, { seed: 1 });
  });

  it("spends bytes where they take away most error", () => {
    const lists = withFormat([
      [
        { bytes: 10, error: 1 },
        { bytes: 20, error: 0 },
      ],
      [
        { bytes: 10, error: 5 },
        { bytes: 20, error: 0 },
      ],
    ]);
    expect(chooseFormats(lists, 30).map(({ bytes }) => bytes)).toEqual([10, 20]);
  });

  it("names the smallest possible size when that is over the budget", () => {
    const lists = withFormat([
      [
        { bytes: 600, error: 1 },
        { bytes: 900, error: 0 },
      ],
    ]);
    expect(() => chooseFormats(lists, 650, 100)).toThrow(
      ocellusError("invalid_request", { budgetBytes: 650, smallestBytes: 700 }),
    );
  });
});
