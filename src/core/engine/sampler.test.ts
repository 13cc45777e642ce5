import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { Sampler } from "./sampler.js";
import type { SamplingOptions } from "./sampling.js";
import { nucleus, topIndices } from "./top.js";

const logits = Float32Array.of(2, 1, 0.5, -1, -3);

function softmax(values: ArrayLike<number>): number[] {
  const weights = Array.from(values, Math.exp);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

/** How often each token is drawn from these logits, each time by a fresh history. */
function frequencies(options: SamplingOptions, draws = 4000): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (let seed = 0; seed < draws; seed++)
    counts[new Sampler({ temperature: 1, ...options, seed }, []).sample(logits).tokenId]!++;
  return counts.map((n) => n / draws);
}

function expectFrequencies(options: SamplingOptions, expected: readonly number[]): void {
  // Four standard deviations of a binomial of 4,000 draws at p = 1/2: a fair sampler passes for these fixed seeds.
  for (const [i, frequency] of frequencies(options).entries())
    expect(Math.abs(frequency - expected[i]!)).toBeLessThan(0.032);
}

describe("sampling", () => {
  it("is greedy by default, and takes the first of equals", () => {
    expect(new Sampler({}, []).sample(Float32Array.of(1, 3, 3)).tokenId).toBe(1);
  });

  it("draws when a filter is given without a temperature", () => {
    const drawn = Array.from({ length: 50 }, (_, seed) => new Sampler({ top_k: 2, seed }, []).sample(logits).tokenId);
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
  });

  it("draws by the softmax of the logits over the temperature", () => {
    expectFrequencies({}, softmax(logits));
    expectFrequencies({ temperature: 0.5 }, softmax(logits.map((x) => x / 0.5)));
  });

  it("keeps what top-k, top-p and min-p keep, in this order", () => {
    const [a, b, c] = softmax(logits) as [number, number, number];
    expectFrequencies({ top_k: 2 }, [a / (a + b), b / (a + b), 0, 0, 0]);
    expectFrequencies({ top_p: a + b / 2 }, [a / (a + b), b / (a + b), 0, 0, 0]);
    expectFrequencies({ min_p: (c / a) * 0.99 }, [a / (a + b + c), b / (a + b + c), c / (a + b + c), 0, 0]);
    expectFrequencies({ top_k: 3, top_p: a / (a + b + c) + 0.01 }, [a / (a + b), b / (a + b), 0, 0, 0]);
    expectFrequencies({ top_p: 0 }, [1, 0, 0, 0, 0]);
  });

  it("finds the nucleus of a vocabulary of any size", () => {
    const flat = new Float32Array(1000); // all equal: the nucleus of one half is 500 tokens
    const drawn = Array.from(
      { length: 300 },
      (_, seed) => new Sampler({ temperature: 1, top_p: 0.5, seed }, []).sample(flat).tokenId,
    );
    expect(Math.max(...drawn)).toBeLessThan(500);
    expect(Math.max(...drawn)).toBeGreaterThan(400);
  });

  it("applies transformers' repetition penalty to prompt and answer, and OpenAI's penalties to the answer", () => {
    // 2/2 = 1 ties with token 1; the prompt's negative logit doubles downwards.
    expect(new Sampler({ repetition_penalty: 2.1 }, [0, 3]).sample(logits).tokenId).toBe(1);
    const presence = new Sampler({ presence_penalty: 1.2 }, [0]);
    expect([presence.sample(logits).tokenId, presence.sample(logits).tokenId]).toEqual([0, 1]);
    const frequency = new Sampler({ frequency_penalty: 0.6 }, []);
    const answer = Array.from({ length: 4 }, () => frequency.sample(logits).tokenId);
    expect(answer).toEqual([0, 0, 1, 0]); // 2 → 1.4 → 0.8 < 1 → then 1 → 0.4, 0.8 wins
  });

  it("adds the logit bias", () => {
    expect(new Sampler({ logit_bias: { 4: 100 } }, []).sample(logits).tokenId).toBe(4);
  });

  it("reports logprobs of the model's own distribution", () => {
    const sampled = new Sampler({ logprobs: true, top_logprobs: 2, logit_bias: { 2: 50 } }, []).sample(logits);
    const expected = softmax(logits).map(Math.log);
    expect(sampled.tokenId).toBe(2);
    expect(sampled.logprob).toBeCloseTo(expected[2]!, 6);
    expect(sampled.topLogprobs!.map((t) => t.tokenId)).toEqual([0, 1]);
    expect(sampled.topLogprobs![1]!.logprob).toBeCloseTo(expected[1]!, 6);
  });

  it("refuses NaN, saying what it may mean", () => {
    expect(() => new Sampler({}, []).sample(Float32Array.of(1, Number.NaN))).toThrow(
      ocellusError("internal", { token: 1, found: "NaN" }),
    );
  });
});

describe("topIndices", () => {
  it("equals a full sort, for any values and count", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 }), fc.nat(45), (values, count) => {
        const sorted = values.map((_, i) => i).sort((i, j) => values[j]! - values[i]! || i - j);
        expect(topIndices(Float32Array.from(values), count)).toEqual(sorted.slice(0, count));
      }),
      { seed: 4 },
    );
  });
});

describe("nucleus", () => {
  it("keeps the shortest head of the sorted softmax that reaches top-p", () => {
    const values = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 60 });
    const anyOf = { temperature: fc.constantFrom(0.3, 1, 2), topP: fc.constantFrom(0, 0.1, 0.5, 0.9, 0.999) };
    fc.assert(
      fc.property(values, fc.record(anyOf), (quarters, { temperature, topP }) => {
        const row = Float32Array.from(quarters, (x) => x / 4);
        const probabilities = softmax(row.map((x) => x / temperature));
        const kept = nucleus(row, Math.max(...row), temperature, topP).sort((i, j) => row[j]! - row[i]! || i - j);
        const best = [...row.keys()].sort((i, j) => row[j]! - row[i]! || i - j);
        expect(kept).toEqual(best.slice(0, kept.length));
        const mass = (ids: number[]) => ids.reduce((sum, i) => sum + probabilities[i]!, 0);
        expect(mass(kept)).toBeGreaterThanOrEqual(topP - 1e-5); // softmax here goes through float32
        if (kept.length > 1) expect(mass(kept.slice(0, -1))).toBeLessThan(topP + 1e-5);
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});
