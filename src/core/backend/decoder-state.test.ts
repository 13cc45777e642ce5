/** The state of recurrent layers against a model of it: for each slot, the last thing that a step with tokens made of it. */
import { describe, expect, it } from "vitest";
import { stateBytes } from "../graph/index.js";
import { createSlotCache } from "./create-slot-cache.js";
import type { CacheBinding } from "./slot-cache.js";
import { float32 } from "./tensors.js";

const kv = { kind: "kv", kvHeads: 2, headDim: 4 } as const;
const recurrent = { kind: "recurrent", shapes: [[3, 2], [2, 2, 2]] } as const; // biome-ignore format: one line
const layers = [recurrent, kv, recurrent];
const numSlots = 4;
const states = [0, 2].flatMap((n) => recurrent.shapes.map((shape, i) => ({ name: `${n}.${i}`, shape })));

function createState() {
  return createSlotCache({ device: "cpu" }, { layers, numSlots, maxLength: 1000 });
}

/** A step of these rows, tokens 0 being an idle one. It makes of each state the old one plus `token` of its row. */
async function step(
  state: ReturnType<typeof createState>,
  first: number,
  rows: { position: number; tokens: number[] }[],
) {
  const added = rows.map(({ position, tokens }, b) => ({ slot: first + b, position, count: tokens.length }));
  let seen: CacheBinding | undefined;
  const cached = new Array<number>(numSlots).fill(0);
  await state.use({ first, count: rows.length }, { length: 40, cached, added }, async (binding) => {
    seen = { ...binding, past: Object.fromEntries(Object.entries(binding.past).map(copied)) };
    const keys = float32(new Float32Array(rows.length * 8), [rows.length, 1, 8]);
    const next = states.map(({ name, shape }) => {
      const past = binding.past[`past_state.${name}`]!.data as Float32Array;
      const size = past.length / rows.length;
      const sums = past.map((x, i) => x + (rows[Math.floor(i / size)]!.tokens.reduce((a, b) => a + b, 0) || 1e6));
      return [`next_state.${name}`, float32(sums, [rows.length, ...shape])];
    });
    return { "added.1.key": keys, "added.1.value": keys, ...Object.fromEntries(next) };
  });
  return seen!;
}

const copied = ([name, { data, dims }]: [string, { data: ArrayBufferView; dims: readonly number[] }]) =>
  [name, float32((data as Float32Array).slice(), dims)] as const;

describe("the state of a decoder with recurrent layers", () => {
  it("lends states and keys under the names of their layers, and asks for the new ones", async () => {
    const { past, outputs } = await step(createState(), 1, [{ position: 0, tokens: [1] }]);
    const named = (prefix: string) => states.map(({ name }) => `${prefix}.${name}`);
    expect(Object.keys(past)).toEqual(["past_key_values.1.key", "past_key_values.1.value", ...named("past_state")]);
    expect(Object.keys(outputs)).toEqual(["added.1.key", "added.1.value", ...named("next_state")]);
    expect(past["past_state.2.1"]!.dims).toEqual([1, 2, 2, 2]);
  });

  it("holds what the rows with tokens have made of it, from zeros, whatever stands idle or was there before", async () => {
    const state = createState();
    const lengths = new Array<number>(numSlots).fill(0);
    const sums = new Array<number>(numSlots).fill(0);
    let random = 7;
    const next = (n: number) => {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((random / 2 ** 31) * n);
    };
    for (let turn = 0; turn < 200; turn++) {
      const first = next(numSlots);
      const rows = Array.from({ length: 1 + next(numSlots - first) }, (_, b) => {
        const slot = first + b;
        if (next(5) === 0) lengths[slot] = 0; // released, and another sequence begins
        const tokens = next(3) === 0 ? [] : Array.from({ length: 1 + next(2) }, () => 1 + next(9));
        return { position: lengths[slot]!, tokens };
      });
      const { past } = await step(state, first, rows);
      for (const [b, { position, tokens }] of rows.entries()) {
        if (tokens.length === 0) continue;
        const slot = first + b;
        if (position === 0) sums[slot] = 0;
        for (const { name } of states) {
          const all = past[`past_state.${name}`]!.data as Float32Array;
          const size = all.length / rows.length;
          expect([...all.subarray(b * size, (b + 1) * size)]).toEqual(new Array(size).fill(sums[slot]));
        }
        lengths[slot] = Math.min(lengths[slot]! + tokens.length, 39);
        sums[slot]! += tokens.reduce((a, b) => a + b, 0);
      }
    }
  });

  it("keeps nothing of a step that failed", async () => {
    const state = createState();
    await step(state, 0, [{ position: 0, tokens: [5] }]);
    const lengths = { length: 40, cached: [1, 0, 0, 0], added: [{ slot: 0, position: 1, count: 1 }] };
    const failure = new Error("lost");
    const failed = state.use({ first: 0, count: 1 }, lengths, () => Promise.reject(failure));
    await expect(failed).rejects.toBe(failure);
    const { past } = await step(state, 0, [{ position: 1, tokens: [1] }]);
    expect(new Set(past["past_state.0.0"]!.data as Float32Array)).toEqual(new Set([5]));
  });

  it("has a size that does not grow, beside keys and values", () => {
    const { perToken, fixed } = stateBytes(layers);
    expect([perToken, fixed]).toEqual([2 * 2 * 4 * 4, 2 * (6 + 8) * 4]);
    const state = createState();
    expect(state.bytes).toBe(numSlots * fixed);
  });

  it("is saved with the keys and values, and restored into another slot, which others do not touch", async () => {
    const state = createState();
    await step(state, 1, [{ position: 0, tokens: [5] }, { position: 0, tokens: [7] }]); // biome-ignore format: one line
    const [tokens, values] = [state.save!(1, 0, 1), state.saveStates!(1)];
    expect(new Set(values)).toEqual(new Set([5]));
    expect(values.byteLength).toBe(stateBytes(layers).fixed);
    await step(state, 1, [{ position: 1, tokens: [9] }]);
    state.restore!(3, 0, 1, tokens, { length: 40, cached: [0, 2, 1, 0] });
    state.restoreStates!(3, values);
    const rows = [1, 2, 3].map((slot) => ({ position: slot === 1 ? 2 : 1, tokens: [1] }));
    const { past } = await step(state, 1, rows);
    const lent = past["past_state.2.1"]!.data as Float32Array;
    expect([0, 1, 2].map((b) => [...lent.subarray(8 * b, 8 * b + 8)])).toEqual(
      [5 + 9, 7, 5].map((sum) => new Array(8).fill(sum)),
    );
  });

  it("is refused for layers of other shapes", () => {
    const state = createState();
    expect(() => state.restoreStates!(0, new Float32Array(3))).toThrow();
  });
});
