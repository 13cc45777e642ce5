/** What opening has in common for every kind of model: pack on first use, and the files that must be there. */

import {
  type Graph,
  GraphSession,
  GraphThread,
  ReopeningGraph,
  type SessionOptions,
  withPrefill,
} from "../backend/index.js";
import { openWhole } from "../base/index.js";
import { openCheckpoint } from "../checkpoint/index.js";
import { type Graph as StoredGraph, withOutputs, withoutOutputs } from "../graph/index.js";
import { type ImageLimits, ImageThreads } from "../image/node/index.js";
import { type AnyFamily, familyOf } from "../models/index.js";
import {
  encodeStored,
  isPacked,
  type Packed,
  type PackProgress,
  type PackResult,
  pack,
  packedNotes,
  refuseForeignFolder,
  storedGraphs,
  wrongKind,
} from "../pack/index.js";
import { type PlanChoice, type PrefillChoice, packingPlan } from "./packing-plan.js";
import type { DeviceChoice } from "./placement.js";
import { requiredJson } from "./read-tokenizer.js";

export interface PackingChoice extends PlanChoice {
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
}

/** The packed model of a checkpoint folder of that kind, or the folder itself if it is one. */
export async function findPacked(
  path: string,
  options: PackingChoice & PrefillChoice & DeviceChoice,
  kind: AnyFamily["kind"],
): Promise<PackResult> {
  const files = await openCheckpoint(path);
  try {
    if (await isPacked(files)) return { path: files.path, written: false, notes: await packedNotes(files) };
    await refuseForeignFolder(files);
    const family = familyOf(await files.readJson("config.json"));
    if (family.kind !== kind) throw wrongKind(files.path, family); // before minutes of packing, not after
    if (kind === "language" || kind === "dual_encoder") await requiredJson(files, "tokenizer.json");
  } finally {
    await files.close();
  }
  return pack(path, {
    plan: await packingPlan(path, options),
    ...(options.signal && { signal: options.signal }),
    ...(options.onPackProgress && { onProgress: options.onPackProgress }),
  });
}

/** What runs beside the caller's thread. */
export interface Threading {
  /**
   * Threads that decode and fit pictures beside the caller's, or how many of its own. Default 0: that is done where the
   * model is asked. Given ones may be shared by several models, and are closed by the caller.
   */
  readonly imageThreads?: number | ImageThreads;
  /** Limits of one picture; with `imageThreads` only, and those that are given have their own. */
  readonly imageLimits?: ImageLimits;
  /**
   * Whether each graph runs on a thread of its own, so that a step never holds up the caller's: for servers. On the CPU
   * only. Default false.
   */
  readonly graphThreads?: boolean;
}

/** What every kind of model is opened with. */
type Loading = PackingChoice & Threading & DeviceChoice & { readonly threads?: number };
export const loadingNames = {
  ...{
    weights: true,
    blockSize: true,
    zeroPoints: true,
    visionWeights: true,
    embeddingWeights: true,
    signal: true,
    onPackProgress: true,
  },
  ...{ imageThreads: true, imageLimits: true, graphThreads: true, device: true, threads: true },
} as const satisfies Record<keyof Required<Loading>, true>;

/** @param outputs values of the graph that are outputs too */
export function openGraph(
  packed: Packed<AnyFamily>,
  name: string,
  session: SessionOptions,
  { graphThreads }: Threading,
): Promise<Graph> {
  const path = packed.graphPath(name);
  if (!graphThreads || session.device !== "cpu") return GraphSession.open(path, session);
  return ReopeningGraph.open(() => GraphThread.open(path, session));
}

export interface DecoderChoice {
  /** Whether the graph that reads prompts is opened with it. */
  readonly usesPrefill: boolean;
  /** Further outputs, by the names of values. */
  readonly outputs?: readonly string[];
}

/** The decoder. A lost one is not opened again: it would have lost its cache. */
export async function openDecoder(
  packed: Packed<AnyFamily>,
  session: SessionOptions,
  { graphThreads }: Threading,
  { usesPrefill, outputs = [] }: DecoderChoice,
): Promise<Graph> {
  const graphs = storedGraphs(packed);
  const whole = withOutputs(graphs.decoder!, outputs);
  const options = { ...session, weightsFolder: packed.path };
  if (session.device !== "cpu") return GraphSession.open(encodeStored(whole, packed), options);
  const model = encodeStored(forHost(whole), packed);
  const prefill = usesPrefill ? encodeStored(forHost(graphs.prefill!), packed) : undefined;
  if (graphThreads) return GraphThread.open(model, options, prefill);
  return openWhole(async (keep) => {
    const decoder = await keep(GraphSession.open(model, options));
    return prefill ? withPrefill(decoder, await keep(GraphSession.open(prefill, options))) : decoder;
  });
}

/**
 * For a cache in the host's memory, which asks a step for the keys and values of its own tokens only: were all those so far
 * outputs too, a run would hold a second copy of the whole cache until its end (docs/log.md).
 */
function forHost(decoder: StoredGraph): StoredGraph {
  return withoutOutputs(decoder, "present.");
}

/** Where a model's pictures are decoded, and what ends with the model. */
export interface OpenedThreads {
  readonly images: ImageThreads | undefined;
  closeImages(): Promise<void>;
}

export function openImageThreads({ imageThreads: given = 0, imageLimits }: Threading): OpenedThreads {
  if (typeof given !== "number") return { images: given, closeImages: async () => {} };
  const options = { count: given, ...(imageLimits && { limits: imageLimits }) };
  const images = given > 0 ? new ImageThreads(options) : undefined;
  return { images, closeImages: async () => images?.close() };
}
