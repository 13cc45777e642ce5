/**
 * Keys and values of all running sequences: per layer two buffers [slots, kv_heads, capacity, head_dim]. A slot is one
 * row; a step sees a run of neighbouring slots as a batch. GroupQueryAttention appends in place because the same
 * tensor is its past input and its present output, so a step copies nothing.
 */
import { invariant } from "../base/index.js";
import { type DeviceTensor, float32 } from "./session.js";

export interface KvCacheShape {
  readonly numLayers: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly numSlots: number;
  /** Largest capacity, in tokens. */
  readonly maxLength: number;
}

/** Capacity grows in whole steps, so that growth is rare and the waste under one step a slot. */
const capacityStep = 256;

const parts = ["key", "value"] as const;

export class KvCache {
  readonly #shape: KvCacheShape;
  #capacity = 0;
  /** Per layer: keys, values. */
  #buffers: Float32Array[] = [];

  constructor(shape: KvCacheShape) {
    this.#shape = shape;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get bytes(): number {
    return this.#buffers.reduce((sum, b) => sum + b.byteLength, 0);
  }

  /**
   * Makes room for `length` tokens in every slot; grows by half at least, and keeps the `cached` first tokens of each slot.
   * Nothing else is touched: memory that was never written costs address space only.
   */
  reserve(length: number, cached: readonly number[]): void {
    invariant(length <= this.#shape.maxLength, `KV cache asked for ${length} tokens, limit ${this.#shape.maxLength}`);
    if (length <= this.#capacity) return;
    const wanted = Math.max(length, Math.ceil(this.#capacity * 1.5));
    const grown = Math.min(Math.ceil(wanted / capacityStep) * capacityStep, this.#shape.maxLength);
    for (let i = 0; i < this.#shape.numLayers * parts.length; i++)
      this.#buffers[i] = this.#grow(this.#buffers[i], grown, cached);
    this.#capacity = grown;
  }

  #grow(old: Float32Array | undefined, capacity: number, cached: readonly number[]): Float32Array {
    const { numSlots, numKeyValueHeads: heads, headDim } = this.#shape;
    const grown = new Float32Array(numSlots * heads * capacity * headDim);
    for (let row = 0; old && row < numSlots * heads; row++) {
      const [from, to] = [row * this.#capacity * headDim, row * capacity * headDim];
      grown.set(old.subarray(from, from + cached[Math.floor(row / heads)]! * headDim), to);
    }
    return grown;
  }

  /** Slots `first` to `first + count - 1` as the decoder's cache inputs and outputs. */
  bind(first: number, count: number): { past: Record<string, DeviceTensor>; present: Record<string, DeviceTensor> } {
    invariant(first >= 0 && count > 0 && first + count <= this.#shape.numSlots, `no slots ${first}+${count}`);
    const { numKeyValueHeads, headDim } = this.#shape;
    const slotLength = numKeyValueHeads * this.#capacity * headDim;
    const dims = [count, numKeyValueHeads, this.#capacity, headDim];
    const past: Record<string, DeviceTensor> = {};
    const present: Record<string, DeviceTensor> = {};
    for (const [i, buffer] of this.#buffers.entries()) {
      const tensor = float32(buffer.subarray(first * slotLength, (first + count) * slotLength), dims);
      const name = `${Math.floor(i / 2)}.${parts[i % 2]}`;
      past[`past_key_values.${name}`] = tensor;
      present[`present.${name}`] = tensor;
    }
    return { past, present };
  }
}
