import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { adamW, clipScale, globalNorm, type Moments } from "./adamw.js";

interface Golden {
  readonly weightDecay: number;
  readonly clip: number;
  readonly learningRates: readonly number[];
  readonly start: readonly (readonly number[])[];
  readonly gradients: readonly (readonly (readonly number[])[])[];
  readonly after: readonly (readonly (readonly number[])[])[];
}

describe("AdamW", () => {
  const path = join(import.meta.dirname, "../../../test/golden/tuning/adamw.json");
  const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;

  it("moves a matrix, which decays, and a bias, which does not, as PyTorch does, gradients clipped", () => {
    const moments = golden.start.map((values, i): Moments => {
      const zeros = () => new Float32Array(values.length);
      return { values: Float32Array.from(values), first: zeros(), second: zeros(), decays: i === 0 };
    });
    for (const [step, learningRate] of golden.learningRates.entries()) {
      const gradients = golden.gradients[step]!.map((values) => Float32Array.from(values));
      const scale = clipScale(globalNorm(gradients), golden.clip);
      for (const [i, each] of moments.entries()) adamW(each, gradients[i]!, { step, learningRate, scale }, golden);
      for (const [i, { values }] of moments.entries())
        for (const [k, value] of values.entries()) expect(value).toBeCloseTo(golden.after[step]![i]![k]!, 5);
    }
  });
});
