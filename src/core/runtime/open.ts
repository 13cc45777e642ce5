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
import {
  type KvScales,
  type Graph as StoredGraph,
  withFloatAttention,
  withInt8Cache,
  withOutputs,
  withoutOutputs,
  withPromptBranches,
  withTokenAttention,
  withTokenRuns,
} from "../graph/index.js";
import {
  type DecodeOptions,
  type ImageInput,
  type ImageLimits,
  ImageThreads,
  LoadedImage,
  type PrepareImage,
  prepareImage,
} from "../image/node/index.js";
import type { ImageProcessor, PixelValues } from "../image/spec/index.js";
import { type AnyFamily, type FamilyView, familyOf } from "../models/index.js";
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
  view?: FamilyView,
): Promise<PackResult> {
  const files = await openCheckpoint(path);
  try {
    if (await isPacked(files)) return { path: files.path, written: false, notes: await packedNotes(files) };
    await refuseForeignFolder(files);
    const family = familyOf(await files.readJson("config.json"), view);
    if (family.kind !== kind) throw wrongKind(files.path, family); // before minutes of packing, not after
    if (kind === "language" || kind === "dual_encoder") await requiredJson(files, "tokenizer.json");
  } finally {
    await files.close();
  }
  return pack(path, {
    plan: await packingPlan(path, options),
    ...(view && { view }),
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
  /** Limits of one image. Given threads decode within their own. */
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
  /** Whether a step may be of several tokens of each sequence: on the CPU, of layers without states. Default false. */
  readonly takesRuns?: boolean;
  /** Further outputs, by the names of values. */
  readonly outputs?: readonly string[];
  /** Of a cache of int8, on the CPU. Default: one of float32. */
  readonly kvScales?: KvScales | undefined;
}

/** The decoder with what its tokens look at as a further output, on the CPU, whose kernel alone has it; closed by the caller. */
export async function openLookingDecoder(packed: Packed<AnyFamily>, threads: number) {
  const { graph, ...sizes } = withTokenAttention(forHost(storedGraphs(packed).decoder!, undefined));
  const options = { device: "cpu", threads, weightsFolder: packed.path } as const;
  return { decoder: await GraphSession.open(encodeStored(graph, packed), options), ...sizes };
}

/** The decoder. A lost one is not opened again: it would have lost its cache. */
export async function openDecoder(
  packed: Packed<AnyFamily>,
  session: SessionOptions,
  { graphThreads }: Threading,
  { usesPrefill, takesRuns = false, outputs = [], kvScales }: DecoderChoice,
): Promise<Graph> {
  const graphs = storedGraphs(packed);
  const whole = withOutputs(graphs.decoder!, outputs);
  const options = { ...session, weightsFolder: packed.path };
  if (session.device !== "cpu") return GraphSession.open(encodeStored(whole, packed), options);
  const decoderGraph = forSteps(forHost(whole, kvScales), { takesRuns, kvScales });
  const model = encodeStored(decoderGraph, packed);
  const prefill = usesPrefill
    ? encodeStored(forPrompts(forHost(graphs.prefill!, kvScales), kvScales), packed)
    : undefined;
  if (graphThreads) return GraphThread.open(model, options, prefill);
  return openWhole(async (keep) => {
    const decoder = await keep(GraphSession.open(model, options));
    if (!prefill) return decoder;
    return withPrefill(decoder, Promise.resolve(await keep(GraphSession.open(prefill, options))));
  });
}

/**
 * For a cache in the host's memory, which asks a step for the keys and values of its own tokens only: were all those so far
 * outputs too, a run would hold a second copy of the whole cache until its end (docs/log.md).
 */
function forHost(decoder: StoredGraph, kvScales: KvScales | undefined): StoredGraph {
  const own = withoutOutputs(decoder, "present.");
  return kvScales ? withInt8Cache(own, kvScales) : own;
}

function forSteps(decoder: StoredGraph, { takesRuns, kvScales }: Pick<DecoderChoice, "takesRuns" | "kvScales">) {
  const running = takesRuns ? withTokenRuns(decoder) : decoder;
  return kvScales ? withPromptBranches(running) : running;
}

function forPrompts(prefill: StoredGraph, kvScales: KvScales | undefined): StoredGraph {
  return kvScales ? withFloatAttention(prefill) : prefill;
}

/** Where a model's images are decoded and fitted, and within which limits; ends with the model. */
export interface OpenedImages {
  readonly limits: ImageLimits;
  /** Absent: on the caller's thread. */
  readonly threads: ImageThreads | undefined;
  readonly prepare: PrepareImage;
  /** An image as it was given, as its model reads it. @throws as `decodeImage`. */
  see(image: ImageInput, imageProcessor: ImageProcessor, options: SeeOptions): Promise<PixelValues>;
  /** Of given threads: nothing. */
  close(): Promise<void>;
}

type SeeOptions = Pick<DecodeOptions, "signal">;

export async function openImages({
  imageThreads: given = 0,
  imageLimits: limits = {},
}: Threading): Promise<OpenedImages> {
  const threads = typeof given === "number" ? ownThreads(given, limits) : given;
  const prepare: PrepareImage = (source, imageProcessor, options = {}) =>
    threads?.prepare(source, imageProcessor, options) ??
    prepareImage(source, imageProcessor, { ...limits, ...options });
  return {
    ...{ limits, threads, prepare },
    async see(image, imageProcessor, options) {
      const source = await LoadedImage.of(image).take({ ...limits, ...options });
      return (await prepare(source, imageProcessor, options)).pixels;
    },
    close: async () => (threads === given ? undefined : threads?.close()),
  };
}

function ownThreads(count: number, limits: ImageLimits): ImageThreads | undefined {
  return count > 0 ? new ImageThreads({ count, limits }) : undefined;
}
