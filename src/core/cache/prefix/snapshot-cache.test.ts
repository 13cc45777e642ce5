import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TokenKey } from "./prompt-cache.js";
import { SnapshotCache } from "./snapshot-cache.js";

/** Prompts of a few kinds of tokens, many of which begin alike; a point follows each 0, as behind the end of a message. */
const prompt = fc
  .array(fc.constantFrom<TokenKey>(0, 0, 1, "image a", "image b"), { minLength: 1, maxLength: 12 })
  .map((keys) => ({ keys, points: keys.flatMap((key, i) => (key === 0 ? [i + 1] : [])) }));

/** What a decoder would have for some tokens, and behind them: numbers that stand for all tokens so far. */
class Decoder {
  readonly #ids = new Map<string, number>();
  #id(keys: readonly TokenKey[]): number {
    const text = JSON.stringify(keys);
    if (!this.#ids.has(text)) this.#ids.set(text, this.#ids.size);
    return this.#ids.get(text)!;
  }
  values(keys: readonly TokenKey[], start: number, count: number): Float32Array {
    return Float32Array.from({ length: count }, (_, i) => this.#id(keys.slice(0, start + i + 1)));
  }
  states(keys: readonly TokenKey[]): Float32Array {
    return Float32Array.of(-1 - this.#id(keys));
  }
}

const add = (cache: SnapshotCache, decoder: Decoder, keys: readonly TokenKey[], points: readonly number[]) =>
  cache.add(
    keys,
    async (start, count) => decoder.values(keys, start, count),
    points,
    async () => decoder.states(keys),
  );

describe("a snapshot cache", () => {
  it.each([
    ["", {}],
    [", even when all names are the same", { nameOf: () => "same" }],
  ])("gives the latest state behind the very same tokens, within its budget%s", async (_, options) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { maxLength: 30 }),
        fc.constantFrom(60, 400, 20_000),
        async (prompts, maxBytes) => {
          const cache = new SnapshotCache({ maxBytes, ...options });
          const decoder = new Decoder();
          const kept = new Set<string>();
          for (const { keys, points } of prompts) {
            const { blocks, length, states } = cache.find(keys, true, points);
            expect(length).toBeLessThan(keys.length);
            expect(blocks.reduce((sum, { count }) => sum + count, 0)).toBe(length);
            for (const [i, { start, count, values }] of blocks.entries()) {
              expect(start).toBe(i === 0 ? 0 : blocks[i - 1]!.start + blocks[i - 1]!.count);
              expect(values).toEqual(decoder.values(keys, start, count));
            }
            if (length > 0) expect(states).toEqual(decoder.states(keys.slice(0, length)));
            if (maxBytes === 20_000 && !("nameOf" in options)) {
              const known = points.filter(
                (point) => point < keys.length && kept.has(JSON.stringify(keys.slice(0, point))),
              );
              expect(length).toBe(known.at(-1) ?? 0);
            }
            for (const point of points) {
              await add(cache, decoder, keys.slice(0, point), points);
              kept.add(JSON.stringify(keys.slice(0, point)));
            }
            expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
          }
        },
      ),
      { seed: 19, numRuns: 150 },
    );
  });

  it("tells two images apart that have the same ids, and an image from text of its name", async () => {
    const cache = new SnapshotCache({ maxBytes: 1000 });
    const shown = (key: TokenKey): TokenKey[] => [9, key, key, 8];
    await add(cache, new Decoder(), shown("image a").slice(0, 3), [3]);
    await add(cache, new Decoder(), shown(5).slice(0, 3), [3]);
    const lengths = ["image a", "image b", "5", 5].map((key) => cache.find(shown(key), true, [3]).length);
    expect(lengths).toEqual([3, 0, 0, 3]);
  });

  it("keeps what a prompt holds valid while it is forgotten, with all that continues it", async () => {
    const cache = new SnapshotCache({ maxBytes: 80 });
    const decoder = new Decoder();
    const keys = [1, 2, 3, 4, 5];
    for (const point of [2, 4]) await add(cache, decoder, keys.slice(0, point), [2, 4]);
    const held = cache.find(keys, true, [2, 4]);
    for (let n = 10; n < 40; n++) {
      for (let i = 0; i < 5; i++) cache.find([n, n, n], true, [2]);
      await add(cache, decoder, [n, n], [2]);
    }
    expect(cache.find(keys, true, [2, 4]).length).toBe(0);
    expect(held.length).toBe(4);
    expect(held.states).toEqual(decoder.states(keys.slice(0, 4)));
    expect(held.blocks.map(({ values }) => values)).toEqual([decoder.values(keys, 0, 2), decoder.values(keys, 2, 2)]);
  });
});
