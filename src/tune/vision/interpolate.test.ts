import { describe, expect, it } from "vitest";
import { interpolate } from "./interpolate.js";
import { type Trained, untrained } from "./state.js";

const parameterOf = (name: string) => ({ name, part: "lora", shape: [1], decays: true, tensors: [] }) as const;
const trainedTo = (name: string, base: number, best: number): Trained => ({
  ...untrained(parameterOf(name), Float32Array.of(base)),
  best: Float32Array.of(best),
});

describe("between base and trained", () => {
  const [baseOfWeight, baseOfA] = [Float32Array.of(1), Float32Array.of(0.5)];
  const made = () => [trainedTo("w", 1, 3), trainedTo("m.weight.lora_A", 0.5, 0.7), trainedTo("m.weight.lora_B", 0, 2)];
  const base = [baseOfWeight, baseOfA, Float32Array.of(0)];

  it("the weights are taken that lose least of new and rehearsed; of a low-rank update the whole product is scaled", async () => {
    const trained = made();
    const [w, a, b] = trained;
    const measure = async () => ({ loss: (3 - w!.values[0]!) ** 2, rehearsed: (w!.values[0]! - 1.4) ** 2 });
    const found = await interpolate(trained, base, measure, { step: 9, loss: 0, rehearsed: 2.56 });
    expect(found.share).toBe(0.6); // 2.2, between 3 and 1.4
    expect([w!.best[0], a!.best[0], b!.best[0]]).toEqual([2.2, 0.7, 1.2].map(Math.fround));
  });

  it("what was trained stays as it is, where nothing between loses less", async () => {
    const trained = made();
    const measure = async () => ({ loss: 3 - trained[0]!.values[0]!, rehearsed: 0 });
    expect(await interpolate(trained, base, measure, { step: 9, loss: 0, rehearsed: 0 })).toEqual({ share: 1, loss: 0, rehearsed: 0 }); // biome-ignore format: one thought
    expect(trained.map(({ best }) => best[0])).toEqual([3, 0.7, 2].map(Math.fround));
  });
});
