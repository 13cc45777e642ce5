import { describe, expect, it } from "vitest";
import { FeatureCache, featureKey } from "./feature-cache.js";
import type { EncodedImage } from "./vision.js";

const features = (value: number): EncodedImage => {
  const visualTokens = new Float32Array(10).fill(value);
  return { visualTokens, deepstack: [], outputs: { visual_tokens: visualTokens } };
};

describe("the feature cache", () => {
  it("encodes a picture once, also for two who ask at the same time", async () => {
    const cache = new FeatureCache();
    let runs = 0;
    const encode = async () => features(++runs);
    const [a, b] = await Promise.all([cache.get("x", encode), cache.get("x", encode)]);
    expect([a.visualTokens[0], b.visualTokens[0], (await cache.get("x", encode)).visualTokens[0]]).toEqual([1, 1, 1]);
    expect((await cache.get("y", encode)).visualTokens[0]).toBe(2);
  });

  it("keeps within its bytes, and forgets what was not asked for longest", async () => {
    const cache = new FeatureCache(100);
    for (const digest of ["a", "b", "a", "c"]) await cache.get(digest, async () => features(1));
    expect([cache.has("a"), cache.has("b"), cache.has("c"), cache.bytes]).toEqual([true, false, true, 80]);
  });

  it("keeps a picture apart under two budgets, and knows it again under one", async () => {
    const cache = new FeatureCache();
    const shown = (rows: number, columns: number) => {
      const key = featureKey({
        digest: "d",
        pixels: { data: new Float32Array(), shape: [0, 0], grid: { rows, columns } },
      });
      return cache.get(key, async () => features(100 * rows + columns));
    };
    const seen = [await shown(4, 6), await shown(6, 4), await shown(2, 12), await shown(4, 6)];
    expect(seen.map(({ visualTokens }) => visualTokens[0])).toEqual([406, 604, 212, 406]);
    expect(seen[3]).toBe(seen[0]);
  });

  it("does not remember a failure", async () => {
    const cache = new FeatureCache();
    await expect(cache.get("x", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect((await cache.get("x", async () => features(3))).visualTokens[0]).toBe(3);
  });

  it("lets one asker go without taking the picture from the other, and stops the work when nobody is left", async () => {
    const cache = new FeatureCache();
    const [first, second] = [new AbortController(), new AbortController()];
    let unwanted: AbortSignal | undefined;
    let done = (_: EncodedImage) => {};
    const encode = (signal: AbortSignal) => {
      unwanted = signal;
      return new Promise<EncodedImage>((resolve) => {
        done = resolve;
      });
    };
    const one = cache.get("x", encode, first.signal);
    const two = cache.get("x", encode, second.signal);
    first.abort();
    await expect(one).rejects.toThrow("the caller aborted the request");
    expect([unwanted!.aborted, cache.has("x")]).toEqual([false, true]);
    second.abort();
    await expect(two).rejects.toThrow("the caller aborted the request");
    expect([unwanted!.aborted, cache.has("x")]).toEqual([true, false]);
    done(features(1)); // a run that could not be stopped any more is not remembered
    expect((await cache.get("x", async () => features(2))).visualTokens[0]).toBe(2);
    expect(cache.bytes).toBe(40);
  });
});
