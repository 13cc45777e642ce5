/** A graph that can be run, wherever that happens: on the caller's own thread (session.ts) or on one beside it (graph-thread.ts). */
import type { KvCacheDtype } from "../graph/index.js";
import type { KvValues } from "../tensor/index.js";
import type { Device } from "./device.js";
import type { CacheLengths, KvCacheShape, SlotRun, StepLengths } from "./slot-cache.js";
import type { DeviceTensor, Feeds } from "./tensors.js";

export type Results = Record<string, DeviceTensor>;

export interface Graph {
  readonly device: Device;
  /** Whether it is a decoder whose step may be of several tokens of each sequence (graph/token-runs.ts). Default false. */
  readonly takesRuns?: boolean;
  /** Of a decoder: what its cache holds. Default "float32". */
  readonly kvCacheDtype?: KvCacheDtype;
  /** Runs the graph; outputs that are null are allocated, others are written into. */
  run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results>;
  /** Of a graph on a device: where its cache is made. */
  readonly deviceMemory?: DeviceMemory | undefined;
  /** Of a graph on another thread, where the cache lives too, and of one with a second graph for prompts. */
  withCache?(shape: KvCacheShape): CachedGraph;
  close(): Promise<void>;
}

/** What a cache on a device is made with. */
export interface DeviceMemory {
  /** Opens a small graph of our own. `keepsOutputs`: those that it allocates stay on the device; without it, all are written into given ones. */
  open(model: Uint8Array, options?: { readonly keepsOutputs: boolean }): Promise<Graph>;
  /** The first `count` rows of a float32 tensor that lies there; nothing is copied. */
  firstRows(tensor: DeviceTensor, count: number): DeviceTensor;
}

/** Which graph takes a step. */
export type DecoderGraph = "decoder" | "prefill";

/** A decoder graph with the keys and values of its running sequences. */
export interface CachedGraph {
  readonly bytes: number;
  /** As the cache's: whether any run of neighbouring slots can be a batch. */
  readonly batchesAnywhere: boolean;
  /** Whether there is a second graph, without logits, for prompts. */
  readonly hasPrefill: boolean;
  /** Why that graph could not be opened, once that is known; prompts are read by the decoder then. */
  readonly prefillFault?: string | undefined;
  /** Whether a decode step may be of several tokens of each sequence; one of one token each needs no inputs for that. */
  readonly takesRuns: boolean;
  /** One step: the slots read their past and append to it. Steps follow one another. */
  step(
    feeds: Feeds,
    slots: SlotRun,
    lengths: StepLengths,
    outputs: readonly string[],
    by?: DecoderGraph,
  ): Promise<Results>;
  /** As the cache's; they wait for what was asked before, and what is asked after waits for them. */
  save?(slot: number, start: number, count: number): Promise<KvValues>;
  restore?(slot: number, start: number, count: number, values: KvValues, lengths: CacheLengths): Promise<void>;
  saveStates?(slot: number): Promise<Float32Array>;
  restoreStates?(slot: number, values: Float32Array): Promise<void>;
  close(): Promise<void>;
}
