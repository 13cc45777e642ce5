/**
 * Keys and values of all running sequences in the host's memory: per layer two buffers [slots, kv_heads, capacity,
 * head_dim], of whatever heads that layer has, in float32 or as int8 codes. A slot is one row; a step sees a run of neighbouring slots as a batch. It is asked for the keys and values of
 * its own tokens only, and they are written here: onnxruntime-node 1.30 copies each output into fresh memory, also one that was
 * preallocated, so asking for the whole present would copy the whole cache at every step (docs/log.md).
 */
import { invariant } from "../base/index.js";
import type { KvValues } from "../tensor/index.js";
import {
  type CacheBinding,
  type CacheLengths,
  grownCapacity,
  type KvCacheShape,
  type KvSpec,
  kvBuffers,
  nameBuffers,
  type SlotCache,
  type SlotRun,
  type StepLengths,
  type StepResults,
} from "./slot-cache.js";
import { type DeviceTensor, type Feeds, float32, int8 } from "./tensors.js";

export class KvCache implements SlotCache {
  readonly batchesAnywhere = true;
  readonly #shape: KvCacheShape;
  /** The layer of each buffer. */
  readonly #specs: readonly KvSpec[];
  #capacity = 0;
  /** Per layer: keys, values. */
  #buffers: KvValues[] = [];

  constructor(shape: KvCacheShape) {
    this.#shape = shape;
    this.#specs = kvBuffers(shape);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get bytes(): number {
    return this.#buffers.reduce((sum, b) => sum + b.byteLength, 0);
  }

  async use(
    slots: SlotRun,
    lengths: StepLengths,
    step: (binding: CacheBinding) => Promise<StepResults>,
  ): Promise<StepResults> {
    this.reserve(lengths.length, lengths.cached);
    const outputs = nameBuffers("added", this.#specs, new Array<null>(this.#specs.length).fill(null));
    const results = await step({ past: this.bind(slots.first, slots.count), outputs });
    for (const [i, name] of Object.keys(outputs).entries()) this.#add(i, results[name]!, lengths.added);
    return results;
  }

  /** added [rows, sequence, kv_heads · head_dim] → the slot of each row, at its own position. */
  #add(index: number, added: DeviceTensor, rows: StepLengths["added"]): void {
    const { kvHeads: heads, headDim } = this.#specs[index]!;
    const buffer = this.#buffers[index]!;
    const data = added.data as KvValues;
    const sequence = added.dims[1]!;
    for (const [b, { slot, position, count }] of rows.entries()) {
      for (let i = 0; i < count * heads; i++) {
        const [token, head] = [Math.floor(i / heads), i % heads];
        const from = ((b * sequence + token) * heads + head) * headDim;
        const to = ((slot * heads + head) * this.#capacity + position + token) * headDim;
        buffer.set(data.subarray(from, from + headDim), to);
      }
    }
  }

  async close(): Promise<void> {
    this.#buffers = [];
    this.#capacity = 0;
  }

  /**
   * Makes room for `length` tokens in every slot; grows by half at least, and keeps the `cached` first tokens of each slot.
   * Nothing else is touched: memory that was never written costs address space only.
   */
  reserve(length: number, cached: readonly number[]): void {
    const grown = grownCapacity(this.#capacity, length, this.#shape);
    if (grown === this.#capacity) return;
    for (let i = 0; i < this.#specs.length; i++) this.#buffers[i] = this.#grow(i, grown, cached);
    this.#capacity = grown;
  }

  #grow(index: number, capacity: number, cached: readonly number[]): KvValues {
    const { kvHeads: heads, headDim } = this.#specs[index]!;
    const { numSlots } = this.#shape;
    const old = this.#buffers[index];
    const grown = this.#zeros(numSlots * heads * capacity * headDim);
    for (let row = 0; old && row < numSlots * heads; row++) {
      const [from, to] = [row * this.#capacity * headDim, row * capacity * headDim];
      grown.set(old.subarray(from, from + cached[Math.floor(row / heads)]! * headDim), to);
    }
    return grown;
  }

  #zeros(length: number): KvValues {
    return this.#shape.kvCacheDtype === "int8" ? new Int8Array(length) : new Float32Array(length);
  }

  save(slot: number, start: number, count: number): KvValues {
    const pieces = this.#pieces(slot, start, count);
    const values = this.#zeros(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      values.set(piece, at);
      at += piece.length;
    }
    return values;
  }

  restore(slot: number, start: number, count: number, values: KvValues, lengths: CacheLengths): void {
    this.reserve(lengths.length, lengths.cached);
    const pieces = this.#pieces(slot, start, count);
    const ratio = values.length / pieces.reduce((sum, { length }) => sum + length, 0); // saved of more tokens
    let at = 0;
    for (const piece of pieces) {
      piece.set(values.subarray(at, at + piece.length));
      at += piece.length * ratio;
    }
  }

  /** The memory of some tokens of a slot: for each buffer and head one piece [count, head_dim]. */
  #pieces(slot: number, start: number, count: number): KvValues[] {
    const { numSlots } = this.#shape;
    invariant(slot < numSlots && start + count <= this.#capacity, `no tokens ${start}+${count} in slot ${slot}`);
    return this.#buffers.flatMap((all, i) => {
      const { kvHeads: heads, headDim } = this.#specs[i]!;
      return Array.from({ length: heads }, (_, head) => {
        const from = ((slot * heads + head) * this.#capacity + start) * headDim;
        return all.subarray(from, from + count * headDim);
      });
    });
  }

  /** Slots `first` to `first + count - 1` as the decoder's cache inputs. */
  bind(first: number, count: number): Feeds {
    invariant(first >= 0 && count > 0 && first + count <= this.#shape.numSlots, `no slots ${first}+${count}`);
    const lent = this.#buffers.map((all, i) => {
      const { kvHeads, headDim } = this.#specs[i]!;
      const slotLength = kvHeads * this.#capacity * headDim;
      const own = all.subarray(first * slotLength, (first + count) * slotLength);
      const dims = [count, kvHeads, this.#capacity, headDim];
      return own instanceof Int8Array ? int8(own, dims) : float32(own, dims);
    });
    return nameBuffers("past_key_values", this.#specs, lent);
  }
}
