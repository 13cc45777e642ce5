import { describe, expect, it } from "vitest";
import { KvCache } from "./kv-cache.js";

const shape = { numLayers: 2, numKeyValueHeads: 2, headDim: 4, numSlots: 3, maxLength: 1000 };

describe("the KV cache", () => {
  it("gives the same memory as past input and present output", () => {
    const cache = new KvCache(shape);
    cache.reserve(10, [0, 0, 0]);
    const { past, present } = cache.bind(1, 2);
    expect(Object.keys(past)).toEqual(["0.key", "0.value", "1.key", "1.value"].map((n) => `past_key_values.${n}`));
    expect(past["past_key_values.1.value"]).toBe(present["present.1.value"]);
    expect(past["past_key_values.0.key"]!.dims).toEqual([2, 2, 256, 4]);
  });

  it("keeps what each slot has cached when it grows", () => {
    const cache = new KvCache(shape);
    cache.reserve(1, [0, 0, 0]);
    const at = (slot: number, head: number, position: number) => {
      const data = cache.bind(slot, 1).past["past_key_values.1.key"]!.data as Float32Array;
      const start = (head * cache.capacity + position) * shape.headDim;
      return data.subarray(start, start + shape.headDim);
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

  it("grows to the limit and not beyond", () => {
    const cache = new KvCache(shape);
    cache.reserve(1000, [0, 0, 0]);
    expect(cache.capacity).toBe(1000);
    expect(() => cache.reserve(1001, [0, 0, 0])).toThrow("internal: KV cache asked for 1001 tokens, limit 1000");
  });
});
