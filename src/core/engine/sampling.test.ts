/** Every number that OpenAI documents, at the ends of its range and beyond them. */

import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { createRandom } from "./random.js";
import { checkSampling, type SamplingOptions } from "./sampling.js";

const ends: Record<string, readonly [low: number | bigint, high: number | bigint]> = {
  temperature: [0, 2],
  top_p: [0, 1],
  min_p: [0, 1],
  top_k: [-1, 2 ** 20],
  repetition_penalty: [0.01, 10],
  presence_penalty: [-2, 2],
  frequency_penalty: [-2, 2],
  seed: [-(2n ** 63n), 2n ** 64n - 1n],
  top_logprobs: [0, 20],
};
const check = (options: object) => checkSampling(options as SamplingOptions, 10);

describe("checkSampling", () => {
  it.each(Object.entries(ends))(
    "takes %s from end to end, and refuses what lies beyond by its name",
    (name, [low, high]) => {
      const beyond = typeof low === "bigint" ? [low - 1n, (high as bigint) + 1n] : [low - 1, (high as number) + 1];
      for (const value of [low, high, undefined]) expect(() => check({ [name]: value })).not.toThrow();
      for (const value of [...beyond, Number.NaN, Number.POSITIVE_INFINITY, "1", null, [1]])
        expect(() => check({ [name]: value }), String(value)).toThrow(ocellusError("invalid_request", { param: name }));
    },
  );

  it("takes biases of -100 to 100 for tokens of the vocabulary", () => {
    expect(() => check({ logit_bias: { 0: -100, 9: 100 } })).not.toThrow();
    for (const logit_bias of [{ 10: 1 }, { 0: 101 }, { x: 1 }])
      expect(() => check({ logit_bias })).toThrow(ocellusError("invalid_request", { param: "logit_bias" }));
  });
});

describe("a seed", () => {
  const draw = (seed: number | bigint) => createRandom(seed)();

  it("draws by all of its 64 bits, as a number or as a bigint", () => {
    const seeds = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 2n];
    expect(new Set(seeds.map(draw)).size).toBe(seeds.length);
    for (const seed of [0, 1, 42, 2 ** 32, Number.MAX_SAFE_INTEGER, -7]) expect(draw(seed)).toBe(draw(BigInt(seed)));
  });
});
