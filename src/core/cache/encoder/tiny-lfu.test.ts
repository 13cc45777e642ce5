import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TinyLfu } from "./tiny-lfu.js";

/** One request under a policy: whether it was there. */
function ask(policy: TinyLfu, key: string, bytes: number): boolean {
  policy.touch(key);
  if (policy.has(key)) return true;
  policy.add(key, bytes);
  return false;
}

/** From 0 to 1, the same ones every time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
    return state / 2 ** 32;
  };
}

/** A popular thousand, asked for as Zipf says, between scans that ask for everything once. */
function zipfWithScans(numRequests: number): string[] {
  const random = randomNumbers(42);
  const weights = Array.from({ length: 1000 }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((a, b) => a + b);
  const popular = () => {
    let rest = random() * total;
    const rank = weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
    return `popular ${rank}`;
  };
  return Array.from({ length: numRequests }, (_, i) => (i % 2000 < 1000 ? popular() : `scan ${i}`));
}

describe("W-TinyLFU", () => {
  it("holds what a model of it holds: all that was added and not told to go, never above its budget", () => {
    const request = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 60 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(request, { maxLength: 300 }), fc.boolean(), (requests, collide) => {
        const policy = collide ? new TinyLfu(100, () => 1) : new TinyLfu(100);
        const model = new Map<string, number>();
        for (const [id, bytes, drop] of requests) {
          const key = `${id}`;
          policy.touch(key);
          if (drop) {
            policy.remove(key);
            model.delete(key);
          } else if (!model.has(key)) {
            model.set(key, bytes);
            for (const gone of policy.add(key, bytes)) expect(model.delete(gone)).toBe(true);
          }
          expect(policy.bytes).toBeLessThanOrEqual(100);
          expect(policy.bytes).toBe([...model.values()].reduce((a, b) => a + b, 0));
          expect(policy.size).toBe(model.size);
          for (const each of model.keys()) expect(policy.has(each)).toBe(true);
        }
      }),
      { seed: 62, numRuns: 200 },
    );
  });

  it("finds more than LRU does where scans pass between popular requests", () => {
    const requests = zipfWithScans(40_000);
    const policy = new TinyLfu(200);
    const hits = requests.filter((key) => ask(policy, key, 1)).length;
    const recent = new Map<string, true>();
    const lruHits = requests.filter((key) => {
      const found = recent.delete(key);
      recent.set(key, true);
      if (recent.size > 200) recent.delete(recent.keys().next().value!);
      return found;
    }).length;
    expect(hits).toBeGreaterThan(1.1 * lruHits);
  });

  it("forgets what was popular once", () => {
    const policy = new TinyLfu(10);
    const random = randomNumbers(43);
    for (let i = 0; i < 200; i++) ask(policy, `old ${i % 10}`, 1);
    for (let i = 0; i < 4000; i++) ask(policy, `new ${Math.floor(random() * 10)}`, 1);
    expect(Array.from({ length: 10 }, (_, i) => policy.has(`new ${i}`)).filter(Boolean).length).toBeGreaterThan(7);
  });
});
