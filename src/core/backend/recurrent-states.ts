/**
 * States of recurrent layers in the host's memory: one buffer [slots, …shape] a state. A step is lent the rows of its slots and
 * gives new ones, which are copied over them: for the rows that read tokens, and only for those. A sequence begins with zeros.
 */
import { invariant } from "../base/index.js";
import {
  type AddedTokens,
  type CacheBinding,
  type KvCacheShape,
  nameBuffers,
  type SlotRun,
  type StepResults,
} from "./slot-cache.js";
import { type Feeds, float32 } from "./tensors.js";

interface Recurrent {
  /** As the decoder's graph names it: "3.0". */
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
}

export class RecurrentStates {
  readonly #specs: readonly Recurrent[];
  readonly #buffers: Float32Array[];

  constructor({ layers, numSlots }: KvCacheShape) {
    this.#specs = layers.flatMap((layer, n) => (layer.kind === "recurrent" ? statesOf(layer.shapes, n) : []));
    this.#buffers = this.#specs.map(({ size }) => new Float32Array(numSlots * size));
  }

  get bytes(): number {
    return this.#buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** What a step is given, and must be asked for. */
  bind({ first, count }: SlotRun, added: readonly AddedTokens[]): CacheBinding {
    for (const [b, tokens] of added.entries()) if (tokens.count > 0 && tokens.position === 0) this.#clear(first + b);
    const past = this.#buffers.map((all, i) => {
      const { size, shape } = this.#specs[i]!;
      return float32(all.subarray(first * size, (first + count) * size), [count, ...shape]);
    });
    const outputs = nameBuffers("next_state", this.#specs, new Array<null>(past.length).fill(null));
    return { past: nameBuffers("past_state", this.#specs, past) satisfies Feeds, outputs };
  }

  /** Takes over what the step has made of its rows. */
  take(results: StepResults, first: number, added: readonly AddedTokens[]): void {
    for (const [i, { name, size }] of this.#specs.entries()) {
      const next = results[`next_state.${name}`]!.data as Float32Array;
      invariant(next.length === added.length * size, "a step gives each row's state", { state: name });
      for (const [b, { count }] of added.entries())
        if (count > 0) this.#buffers[i]!.set(next.subarray(b * size, (b + 1) * size), (first + b) * size);
    }
  }

  /** All states of a slot, one behind the other. */
  save(slot: number): Float32Array {
    const states = this.#statesOf(slot);
    const values = new Float32Array(states.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const state of states) {
      values.set(state, at);
      at += state.length;
    }
    return values;
  }

  restore(slot: number, values: Float32Array): void {
    let at = 0;
    for (const state of this.#statesOf(slot)) {
      state.set(values.subarray(at, at + state.length));
      at += state.length;
    }
    invariant(at === values.length, "states are restored to layers of the same shapes", { found: values.length, at });
  }

  close(): void {
    this.#buffers.length = 0;
  }

  #clear(slot: number): void {
    for (const state of this.#statesOf(slot)) state.fill(0);
  }

  #statesOf(slot: number): Float32Array[] {
    return this.#buffers.map((all, i) => all.subarray(slot * this.#specs[i]!.size, (slot + 1) * this.#specs[i]!.size));
  }
}

function statesOf(shapes: readonly (readonly number[])[], layer: number): Recurrent[] {
  return shapes.map((shape, i) => ({ name: `${layer}.${i}`, shape, size: shape.reduce((x, side) => x * side, 1) }));
}
