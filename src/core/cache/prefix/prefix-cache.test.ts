import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prefixBlockLength as length, PrefixCache } from "./prefix-cache.js";
import type { TokenKey } from "./prompt-cache.js";

const token = fc.oneof(fc.nat(1), fc.constantFrom("picture a", "picture b"));
/** Prompts of a few long runs, so that many begin alike. */
const prompt = fc
  .array(fc.tuple(token, fc.constantFrom(1, length - 1, length, 2 * length)), { minLength: 1, maxLength: 5 })
  .map((runs) => runs.flatMap(([key, count]) => new Array<TokenKey>(count).fill(key)));

/** What a decoder would have cached for some tokens: here, of each which tokens it and all before it are. */
class Decoder {
  readonly #ids = new Map<string, number>();
  values(keys: readonly TokenKey[], firstToken: number, count: number): Float32Array {
    return Float32Array.from({ length: count }, (_, i) => {
      const text = JSON.stringify(keys.slice(0, firstToken + i + 1));
      if (!this.#ids.has(text)) this.#ids.set(text, this.#ids.size);
      return this.#ids.get(text)!;
    });
  }
}

describe("the prefix memory", () => {
  it.each([
    ["", {}],
    [", even when all names are the same", { nameOf: () => "same", hash: () => 3 }],
  ])("gives only what was cached behind the very same tokens, within its budget%s", async (_, options) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(prompt, { maxLength: 30 }),
        fc.constantFrom(128, 400, 20_000),
        async (prompts, maxBytes) => {
          const memory = new PrefixCache({ maxBytes, ...options });
          const decoder = new Decoder();
          for (const keys of prompts) {
            const { blocks, length: known } = memory.find(keys);
            expect(known).toBeLessThan(keys.length);
            expect(blocks).toHaveLength(Math.ceil(known / length));
            for (const [i, { start, count, values }] of blocks.entries()) {
              expect([start, count]).toEqual([i * length, Math.min(length, known - i * length)]);
              expect(values.subarray(0, count)).toEqual(decoder.values(keys, i * length, count));
            }
            await memory.add(keys, async (first, count) => decoder.values(keys, first, count));
            expect(memory.bytes).toBeLessThanOrEqual(maxBytes);
          }
        },
      ),
      { seed: 63, numRuns: 150 },
    );
  });

  it("finds the longest known beginning, and always leaves a token to read", async () => {
    const memory = new PrefixCache({ maxBytes: 1000 });
    const keys = Array.from({ length: 3 * length }, (_, i) => i);
    await memory.add(keys, async () => new Float32Array(1));
    expect(memory.find(keys).length).toBe(3 * length - 1);
    expect(memory.find([...keys, 1]).length).toBe(3 * length);
    expect(memory.find([...keys.slice(0, 2 * length), 999, ...keys]).length).toBe(2 * length);
    expect(memory.find([...keys.slice(0, 2 * length + 5), 999, ...keys]).length).toBe(2 * length + 5);
    expect(memory.find([999, ...keys]).length).toBe(0);
  });

  it("keeps the part of a block that a prompt ends with, until one that continues it is kept", async () => {
    const memory = new PrefixCache({ maxBytes: 1000 });
    const keys = Array.from({ length: 2 * length }, (_, i) => i);
    const add = (end: number) => memory.add(keys.slice(0, end), async (_, count) => new Float32Array(count));
    for (const end of [length + 3, length + 7, length + 5]) {
      await add(end);
      expect(memory.find(keys).length).toBe(Math.max(end, memory.bytes / 4));
    }
    expect(memory.bytes).toBe(4 * (length + 7));
    await add(2 * length);
    expect(memory.bytes).toBe(4 * 2 * length);
    expect(memory.find([...keys, 1]).length).toBe(2 * length);
  });

  it("finds nothing in the first block of another prompt, which a template begins with", async () => {
    const memory = new PrefixCache({ maxBytes: 1000 });
    await memory.add([1, 2, 3, ...new Array<TokenKey>(length).fill(4)], async () => new Float32Array(1));
    expect(memory.find([1, 2, 3, ...new Array<TokenKey>(length).fill(5)]).length).toBe(0);
  });

  it("tells two pictures apart that have the same ids, and a picture from text of its name", async () => {
    const memory = new PrefixCache({ maxBytes: 1000 });
    const shown = (key: TokenKey) => [...new Array<TokenKey>(length).fill(key), 1];
    await memory.add(shown("picture a"), async () => Float32Array.of(7));
    expect([shown("picture a"), shown("picture b"), shown(5)].map((keys) => memory.find(keys).length)).toEqual([
      length,
      0,
      0,
    ]);
    await memory.add(shown(5), async () => Float32Array.of(8));
    expect(memory.find(shown("5")).length).toBe(0);
  });

  it("tells pictures apart in the block where two prompts part", async () => {
    const memory = new PrefixCache({ maxBytes: 1000 });
    const shown = (key: TokenKey) => [
      ...new Array<TokenKey>(length).fill(1),
      2,
      ...new Array<TokenKey>(4).fill(key),
      3,
      4,
    ];
    await memory.add(shown("picture a"), async () => new Float32Array(1));
    const known = (key: TokenKey) => memory.find(shown(key)).length;
    expect([known("picture a"), known("picture b"), known(5)]).toEqual([length + 6, length + 1, length + 1]);
  });

  it("keeps the first of two prefixes whose names collide, and the second not under the first one's name", async () => {
    const memory = new PrefixCache({ maxBytes: 8, nameOf: () => "same" });
    const [first, second] = ["picture a", "picture b"].map((key) => new Array<TokenKey>(length + 1).fill(key));
    await memory.add(first!, async () => Float32Array.of(1));
    await memory.add(second!, async () => Float32Array.of(2));
    expect(memory.find(first!).blocks.map(({ values }) => values)).toEqual([Float32Array.of(1)]);
    expect(memory.find(second!).blocks).toEqual([]);
    expect(memory.bytes).toBe(4);
  });

  it("keeps nothing under the first of two prefixes whose names collide that is behind the second", async () => {
    const memory = new PrefixCache({ maxBytes: 1000, nameOf: (text) => (text.includes("then") ? "other" : "same") });
    const [first, second, then] = ["picture a", "picture b", "then"].map((key) =>
      new Array<TokenKey>(length).fill(key),
    );
    await memory.add(first!, async () => Float32Array.of(1));
    await memory.add([...second!, ...then!], async () => Float32Array.of(2));
    expect(memory.find([...first!, ...then!, 1]).blocks.map(({ values }) => values)).toEqual([Float32Array.of(1)]);
  });

  it("keeps what somebody holds valid while it is forgotten", async () => {
    const memory = new PrefixCache({ maxBytes: 8 });
    const prompts = Array.from({ length: 10 }, (_, n) => new Array<TokenKey>(length + 1).fill(n));
    await memory.add(prompts[0]!, async () => Float32Array.of(42));
    const held = memory.find(prompts[0]!);
    for (const keys of prompts.slice(1))
      for (let i = 0; i < 5; i++) {
        memory.find(keys);
        await memory.add(keys, async () => Float32Array.of(1));
      }
    expect(memory.find(prompts[0]!).length).toBe(0);
    expect(held.blocks[0]!.values).toEqual(Float32Array.of(42));
  });
});
