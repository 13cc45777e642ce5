/** What opening has in common for every kind of model: pack on first use, and the files that must be there. */

import {
  type Graph,
  GraphSession,
  GraphThread,
  ReopeningGraph,
  resolveDevice,
  type SessionOptions,
} from "../backend/index.js";
import { openCheckpoint } from "../checkpoint/index.js";
import { withOutputs, withoutOutputs } from "../graph/index.js";
import { type ImageLimits, ImageThreads } from "../image/node/index.js";
import type { AnyFamily } from "../models/index.js";
import {
  encodeStored,
  isPacked,
  type Packed,
  type PackProgress,
  type PackResult,
  type PlanOptions,
  pack,
  packedNotes,
  parsePlan,
  refuseForeignFolder,
  storedGraphs,
  type Weights,
} from "../pack/index.js";
import type { DeviceChoice } from "./placement.js";
import { requiredJson } from "./read-tokenizer.js";

export interface PackingChoice extends PlanOptions {
  /** Number format of the weights; ignored for a folder that is packed already. Default "int4". */
  readonly weights?: Weights;
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
}

/** The packed model of a checkpoint folder, or the folder itself if it is one. */
export async function findPacked(
  path: string,
  options: PackingChoice & DeviceChoice,
  required: readonly string[] = ["tokenizer.json"],
): Promise<PackResult> {
  const files = await openCheckpoint(path);
  try {
    if (await isPacked(files)) return { path: files.path, written: false, notes: await packedNotes(files) };
    await refuseForeignFolder(files);
    for (const name of required) await requiredJson(files, name); // before minutes of packing, not after
  } finally {
    await files.close();
  }
  const visionWeights = options.visionWeights ?? (await usualVisionWeights(options.device));
  return pack(path, {
    plan: parsePlan(options.weights ?? "int4", { ...options, visionWeights }),
    ...(options.signal && { signal: options.signal }),
    ...(options.onPackProgress && { onProgress: options.onPackProgress }),
  });
}

/** Integer products by channel have kernels on the CPU only. @throws `unavailable` when a named device does not work. */
async function usualVisionWeights(device: DeviceChoice["device"] = "auto") {
  return (await resolveDevice(device)) === "cpu" ? "w8a8" : "int8";
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
  outputs: readonly string[] = [],
): Promise<Graph> {
  const onHost = session.device === "cpu";
  const isHostDecoder = onHost && name === "decoder";
  const model =
    isHostDecoder || outputs.length > 0 ? changed(packed, name, isHostDecoder, outputs) : packed.graphPath(name);
  const options = typeof model === "string" ? session : { ...session, weightsFolder: packed.path };
  if (!graphThreads || !onHost) return GraphSession.open(model, options);
  const open = () => GraphThread.open(model, options);
  return name === "decoder" ? open() : ReopeningGraph.open(open); // a lost decoder has lost its cache
}

/**
 * With further outputs; and a decoder for a cache in the host's memory, which asks a step for the keys and values of its own tokens only: were all
 * those so far outputs too, a run would hold a second copy of the whole cache until its end (docs/log.md).
 */
function changed(
  packed: Packed<AnyFamily>,
  name: string,
  isHostDecoder: boolean,
  outputs: readonly string[],
): Uint8Array {
  const graph = withOutputs(storedGraphs(packed)[name]!, outputs);
  return encodeStored(isHostDecoder ? withoutOutputs(graph, "present.") : graph, packed);
}

/** Where a model's pictures are decoded, and what ends with the model. */
export interface OpenedThreads {
  readonly pictures: ImageThreads | undefined;
  closeImages(): Promise<void>;
}

export function openImageThreads({ imageThreads: given = 0, imageLimits }: Threading): OpenedThreads {
  if (typeof given !== "number") return { pictures: given, closeImages: async () => {} };
  const options = { count: given, ...(imageLimits && { limits: imageLimits }) };
  const pictures = given > 0 ? new ImageThreads(options) : undefined;
  return { pictures, closeImages: async () => pictures?.close() };
}
