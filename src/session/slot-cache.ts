/**
 * The KV cache as the decoder's runner sees it, wherever it lies: slots, each with room for one sequence's keys and
 * values, lent to one step at a time under the names of the decoder graph's inputs and outputs.
 */
import { invariant } from "../base/index.js";
import type { DeviceTensor } from "./session.js";

export interface KvCacheShape {
  readonly numLayers: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly numSlots: number;
  /** Largest capacity, in tokens. */
  readonly maxLength: number;
}

/** Slots `first` to `first + count - 1`. */
export interface SlotRun {
  readonly first: number;
  readonly count: number;
}

export interface CacheRoom {
  /** Tokens that each slot must have room for. */
  readonly length: number;
  /** Tokens of each slot that are in the cache and count: what growing must keep. */
  readonly cached: readonly number[];
}

/** The same tensors twice: a step appends in place. Each [count, kv_heads, capacity, head_dim]. */
export interface CacheBinding {
  readonly past: Readonly<Record<string, DeviceTensor>>;
  readonly present: Readonly<Record<string, DeviceTensor>>;
}

export interface SlotCache {
  readonly bytes: number;
  /** Whether any run of neighbouring slots can be a batch; else only slots from 0 on, or one slot alone. */
  readonly batchesAnywhere: boolean;
  /** Lends slots with that room to one step; steps follow one another. */
  use<T>(slots: SlotRun, room: CacheRoom, step: (binding: CacheBinding) => Promise<T>): Promise<T>;
  /**
   * A slot's keys and values of tokens `start` to `start + count - 1`, as numbers that `restore` takes:
   * [2 · layers, kv_heads, count, head_dim]. Absent, like `restore`, where the cache lies on a device.
   */
  save?(slot: number, start: number, count: number): Float32Array;
  /** Writes what `save` gave for `count` tokens into any slot, at the same tokens. */
  restore?(slot: number, start: number, count: number, values: Float32Array, room: CacheRoom): void;
  close(): Promise<void>;
}

const parts = ["key", "value"] as const;

/** Buffers of a cache, per layer keys and values. */
export function numBuffers({ numLayers }: KvCacheShape): number {
  return numLayers * parts.length;
}

/** The decoder's names for these buffers. */
export function bindBuffers(buffers: readonly DeviceTensor[]): CacheBinding {
  const named = (prefix: string) =>
    Object.fromEntries(buffers.map((buffer, i) => [`${prefix}.${Math.floor(i / 2)}.${parts[i % 2]}`, buffer]));
  return { past: named("past_key_values"), present: named("present") };
}

/** Capacity grows in whole steps, so that growth is rare and the waste under one step a slot. */
const capacityStep = 256;

/** Tokens to make room for when `length` are needed: by half more at least, in whole steps, up to the limit. */
export function grownCapacity(capacity: number, length: number, { maxLength }: KvCacheShape): number {
  invariant(length <= maxLength, `KV cache asked for ${length} tokens, limit ${maxLength}`);
  if (length <= capacity) return capacity;
  const wanted = Math.max(length, Math.ceil(capacity * 1.5));
  return Math.min(Math.ceil(wanted / capacityStep) * capacityStep, maxLength);
}
