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
import { type ImageLimits, ImageThreads } from "../image/node/index.js";
import { type AnyFamily, type FamilyView, familyOf } from "../models/index.js";
import {
  isPacked,
  type Packed,
  type PackProgress,
  type PackResult,
  pack,
  packedNotes,
  refuseForeignFolder,
  wrongKind,
} from "../pack/index.js";
import { type DecoderChoice, decoderModels } from "./decoder-models.js";
import { type OpenedImages, openedImages } from "./opened-images.js";
import { type PlanChoice, type PrefillChoice, packingPlan } from "./packing-plan.js";
import type { DeviceChoice } from "./placement.js";
import { requiredJson } from "./read-tokenizer.js";
import type { OpenHere } from "./vision.js";

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

/** Graphs over the weights of a packed model, on the CPU. */
export function graphsHere(packed: Packed<AnyFamily>, threads: number): OpenHere {
  return (model) => GraphSession.open(model, { device: "cpu", threads, weightsFolder: packed.path });
}

/** The decoder. A lost one is not opened again: it would have lost its cache. */
export async function openDecoder(
  packed: Packed<AnyFamily>,
  session: SessionOptions,
  { graphThreads }: Threading,
  choice: DecoderChoice,
): Promise<Graph> {
  const options = { ...session, weightsFolder: packed.path };
  const { model, prefill } = decoderModels(packed, session.device, choice);
  if (session.device !== "cpu") return GraphSession.open(model, options);
  if (graphThreads) return GraphThread.open(model, options, prefill);
  return openWhole(async (keep) => {
    const decoder = await keep(GraphSession.open(model, options));
    if (!prefill) return decoder;
    return withPrefill(decoder, Promise.resolve(await keep(GraphSession.open(prefill, options))));
  });
}

export async function openImages({
  imageThreads: given = 0,
  imageLimits: limits = {},
}: Threading): Promise<OpenedImages> {
  const threads = typeof given === "number" ? ownThreads(given, limits) : given;
  const images = openedImages(limits, threads && ((...asked) => threads.prepare(...asked)));
  return { ...images, close: async () => (threads === given ? undefined : threads?.close()) };
}

function ownThreads(count: number, limits: ImageLimits): ImageThreads | undefined {
  return count > 0 ? new ImageThreads({ count, limits }) : undefined;
}
