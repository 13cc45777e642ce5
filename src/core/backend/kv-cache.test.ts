import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { stateBytes } from "../graph/index.js";
import { KvCache } from "./kv-cache.js";
import { float32, int8 } from "./tensors.js";

const [kvHeads, headDim] = [2, 4];
const layer = { kind: "kv", kvHeads, headDim } as const;
const shape = { layers: [layer, layer], numSlots: 3, maxLength: 1000 };

describe("the KV cache", () => {
  it("writes what a step adds into each row's slot, at the row's position, padding left out", async () => {
    const cache = new KvCache(shape);
    const names = ["0.key", "0.value", "1.key", "1.value"];
    const [sequence, width] = [2, kvHeads * headDim];
    const added = Float32Array.from({ length: 2 * sequence * width }, (_, i) => i + 1);
    const rows = [
      { slot: 1, position: 5, count: 2 },
      { slot: 2, position: 9, count: 1 },
    ];
    await cache.use({ first: 1, count: 2 }, { length: 10, cached: [0, 5, 9], added: rows }, async (binding) => {
      expect(Object.keys(binding.past)).toEqual(names.map((name) => `past_key_values.${name}`));
      expect(binding.past["past_key_values.0.key"]!.dims).toEqual([2, 2, 256, 4]);
      return Object.fromEntries(names.map((name) => [`added.${name}`, float32(added, [2, sequence, width])]));
    });
    const data = cache.bind(0, 3)["past_key_values.1.value"]!.data as Float32Array;
    const at = (slot: number, head: number, position: number) => {
      const start = ((slot * 2 + head) * 256 + position) * 4;
      return [...data.subarray(start, start + 4)];
    };
    expect([at(1, 0, 5), at(1, 1, 5), at(1, 0, 6), at(1, 1, 6)].flat()).toEqual([...added.subarray(0, 16)]);
    expect([at(2, 0, 9), at(2, 1, 9)].flat()).toEqual([...added.subarray(16, 24)]);
    expect(data.filter((value) => value !== 0)).toHaveLength(24);
  });

  it("holds a byte each of int8 codes, which it saves and restores", async () => {
    const cache = new KvCache({ ...shape, kvCacheDtype: "int8" });
    const names = ["0.key", "0.value", "1.key", "1.value"];
    const codes = Int8Array.from({ length: 2 * kvHeads * headDim }, (_, i) => (i % 2 ? -128 : 127) + 0);
    const lengths = { length: 2, cached: [0, 0, 0], added: [{ slot: 1, position: 0, count: 2 }] };
    await cache.use({ first: 1, count: 1 }, lengths, async ({ past }) => {
      expect(past["past_key_values.0.key"]!.type).toBe("int8");
      return Object.fromEntries(names.map((name) => [`added.${name}`, int8(codes, [1, 2, kvHeads * headDim])]));
    });
    expect(cache.bytes).toBe(3 * 256 * stateBytes(shape.layers, "int8").perToken);
    const saved = cache.save(1, 0, 2);
    expect(saved.byteLength).toBe(2 * stateBytes(shape.layers, "int8").perToken);
    cache.restore(0, 0, 2, saved, lengths);
    expect(cache.save(0, 0, 2)).toEqual(saved);
    expect(new Set(saved)).toEqual(new Set([127, -128]));
  });

  it("keeps what each slot has cached when it grows", () => {
    const cache = new KvCache(shape);
    cache.reserve(1, [0, 0, 0]);
    const at = (slot: number, head: number, position: number) => {
      const data = cache.bind(slot, 1)["past_key_values.1.key"]!.data as Float32Array;
      const start = (head * cache.capacity + position) * headDim;
      return data.subarray(start, start + headDim);
    };
    for (let slot = 0; slot < 3; slot++)
      for (let head = 0; head < 2; head++) at(slot, head, 200).fill(10 * slot + head + 1);
    cache.reserve(300, [201, 0, 201]);
    expect(cache.capacity).toBe(512);
    for (let slot = 0; slot < 3; slot++) {
      const kept = (head: number) => (slot === 1 ? 0 : 10 * slot + head + 1); // slot 1 has cached nothing that counts
      for (let head = 0; head < 2; head++) expect([...at(slot, head, 200)]).toEqual(new Array(4).fill(kept(head)));
    }
    expect(cache.bytes).toBe(2 * 2 * 3 * 2 * 512 * 4 * 4);
  });

  it("gives a slot the first of the tokens that were saved from another, and touches no others", () => {
    const cache = new KvCache(shape);
    cache.reserve(1, [0, 0, 0]);
    const data = () => cache.bind(0, 3)["past_key_values.1.value"]!.data as Float32Array;
    for (const [i] of data().entries()) data()[i] = i;
    const at = (slot: number, head: number, token: number) => {
      const start = ((slot * 2 + head) * 256 + token) * headDim;
      return [...data().subarray(start, start + headDim)];
    };
    const [saved, unlike] = [cache.save(0, 16, 3), at(2, 1, 18)];
    cache.restore(2, 16, 2, saved, { length: 20, cached: [19, 0, 0] });
    for (const head of [0, 1]) expect([at(2, head, 16), at(2, head, 17)]).toEqual([at(0, head, 16), at(0, head, 17)]);
    expect([at(2, 0, 18), at(2, 1, 18)]).toEqual([unlike.map((value) => value - 256 * headDim), unlike]);
  });

  it("gives each layer the heads that it states, and restores what it saved of layers that differ", () => {
    const layers = [
      { kind: "kv", kvHeads: 1, headDim: 8 },
      { kind: "kv", kvHeads: 3, headDim: 2 },
    ] as const;
    const cache = new KvCache({ layers, numSlots: 2, maxLength: 1000 });
    cache.reserve(1, [0, 0]);
    const bound = (slot: number) => Object.values(cache.bind(slot, 1)).map(({ data }) => data as Float32Array);
    expect(Object.values(cache.bind(0, 2)).map(({ dims }) => dims)).toEqual([
      ...[[2, 1, 256, 8], [2, 1, 256, 8]], // biome-ignore format: as pairs
      ...[[2, 3, 256, 2], [2, 3, 256, 2]], // biome-ignore format: as pairs
    ]);
    expect(cache.bytes).toBe(2 * 256 * stateBytes(layers).perToken);
    let next = 1;
    for (const data of bound(0)) for (const i of data.keys()) data[i] = next++;
    const saved = cache.save(0, 16, 3);
    expect(saved.length * Float32Array.BYTES_PER_ELEMENT).toBe(3 * stateBytes(layers).perToken);
    cache.restore(1, 16, 2, saved, { length: 18, cached: [18, 0] });
    cache.restore(1, 0, 3, saved, { length: 18, cached: [18, 18] });
    expect(cache.save(1, 16, 2)).toEqual(cache.save(0, 16, 2));
    expect(cache.save(1, 0, 3)).toEqual(saved);
    expect(cache.save(1, 3, 13).every((value) => value === 0)).toBe(true);
  });

  it("grows to the limit and not beyond", () => {
    const cache = new KvCache(shape);
    cache.reserve(1000, [0, 0, 0]);
    expect(cache.capacity).toBe(1000);
    expect(() => cache.reserve(1001, [0, 0, 0])).toThrow(ocellusError("internal", { found: 1001, limit: 1000 }));
  });
});
