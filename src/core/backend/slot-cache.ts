/**
 * What a decoder keeps of its sequences as its runner sees it, wherever it lies: slots, each with room for one sequence's keys
 * and values, and its recurrent states where layers have them, lent to one step at a time under the names of the decoder
 * graph's inputs and outputs.
 */
import { invariant } from "../base/index.js";
import type { KvCacheDtype, StateSpec } from "../graph/index.js";
import type { KvValues } from "../tensor/index.js";
import type { DeviceTensor, Feeds } from "./tensors.js";

export interface KvCacheShape {
  readonly layers: readonly StateSpec[];
  readonly numSlots: number;
  /** Largest capacity, in tokens. */
  readonly maxLength: number;
  /** Of keys and values. Default "float32"; "int8" in the host's memory only. */
  readonly kvCacheDtype?: KvCacheDtype;
}

/** Slots `first` to `first + count - 1`. */
export interface SlotRun {
  readonly first: number;
  readonly count: number;
}

export interface CacheLengths {
  /** Tokens that each slot must have room for. */
  readonly length: number;
  /** Tokens of each slot that are in the cache and count: what growing must keep. */
  readonly cached: readonly number[];
}

export interface StepLengths extends CacheLengths {
  /** The tokens that the step adds, row by row of its results; none: an idle row, of which nothing is kept. */
  readonly added: readonly AddedTokens[];
}

export interface AddedTokens {
  readonly slot: number;
  readonly position: number;
  readonly count: number;
}

export interface CacheBinding {
  /** Inputs of the step, each [count, kv_heads, capacity, head_dim], or [count] and a state's shape, of its layer. */
  readonly past: Feeds;
  /** Outputs that the step must be asked for. */
  readonly outputs: Readonly<Record<string, DeviceTensor | null>>;
}

export type StepResults = Readonly<Record<string, DeviceTensor>>;

export interface SlotCache {
  readonly bytes: number;
  /** Whether any run of neighbouring slots can be a batch; else only slots from 0 on, or one slot alone. */
  readonly batchesAnywhere: boolean;
  /** Lends slots with that room to one step; steps follow one another. */
  use(
    slots: SlotRun,
    lengths: StepLengths,
    step: (binding: CacheBinding) => Promise<StepResults>,
  ): Promise<StepResults>;
  /**
   * A slot's keys and values of tokens `start` to `start + count - 1`, as numbers that `restore` takes: of each layer the
   * keys and then the values, [kv_heads, count, head_dim]. Absent, like `restore`, where the cache lies on a device.
   */
  save?(slot: number, start: number, count: number): KvValues;
  /** Writes what `save` gave for `count` tokens, or the first `count` of what it gave for more, into any slot at the same tokens. */
  restore?(slot: number, start: number, count: number, values: KvValues, lengths: CacheLengths): void;
  /** A slot's states after its last step, one behind the other; present where layers keep such, and `save` is. */
  saveStates?(slot: number): Float32Array;
  /** Writes them into any slot. */
  restoreStates?(slot: number, values: Float32Array): void;
  close(): Promise<void>;
}

const parts = ["key", "value"] as const;

/** One growing buffer: keys or values of a layer. */
export interface KvSpec {
  /** As the decoder's graph names it: "3.key". */
  readonly name: string;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Per layer that keeps them: keys, values. */
export function kvBuffers({ layers }: KvCacheShape): KvSpec[] {
  return layers.flatMap((layer, n) =>
    layer.kind === "kv" ? parts.map((part) => ({ ...layer, name: `${n}.${part}` })) : [],
  );
}

/** The decoder's names for one thing per buffer. */
export function nameBuffers<T>(
  prefix: "past_key_values" | "present" | "added" | "past_state" | "next_state",
  specs: readonly { readonly name: string }[],
  items: readonly T[],
): Record<string, T> {
  return Object.fromEntries(items.map((item, i) => [`${prefix}.${specs[i]!.name}`, item]));
}

/** Capacity grows in whole steps, so that growth is rare and the waste under one step a slot. */
const capacityStep = 256;

/** Tokens to make room for when `length` are needed: by half more at least, in whole steps, up to the limit. */
export function grownCapacity(capacity: number, length: number, { maxLength }: KvCacheShape): number {
  invariant(length <= maxLength, `KV cache asked for ${length} tokens, limit ${maxLength}`, {
    found: length,
    limit: maxLength,
  });
  if (length <= capacity) return capacity;
  const wanted = Math.max(length, Math.ceil(capacity * 1.5));
  return Math.min(Math.ceil(wanted / capacityStep) * capacityStep, maxLength);
}
