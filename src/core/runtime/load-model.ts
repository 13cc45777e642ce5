/** Opens a model: finds or makes its packed form, opens its graphs, its text side and its memory, and joins them. */
import { defaultThreads, type Graph, type SessionOptions } from "../backend/index.js";
import { type Keep, OcellusError, openWhole, optionNames, refuseUnknownOptions } from "../base/index.js";
import { bundledModel } from "../checkpoint/index.js";
import { fileDigest } from "../fs/index.js";
import { openPacked, type PackedModel } from "../pack/index.js";
import { choosePlacement } from "./choose-placement.js";
import type { DraftDecoder } from "./draft-model.js";
import { type KvCacheChoice, kvScalesFor } from "./kv-cache-dtype.js";
import type { SharedMemory } from "./memory.js";
import type { VisionLanguageModel } from "./model.js";
import {
  findPacked,
  graphsHere,
  loadingNames,
  openDecoder,
  openGraph,
  openImages,
  type PackingChoice,
  type Threading,
} from "./open.js";
import { type DraftedFor, type DraftModelChoice, openDraftModel } from "./open-draft-model.js";
import { openEncoderCache } from "./open-encoder-cache.js";
import { type ModelHost, openModel, type SizeChoice, sizesOf } from "./open-model.js";
import type { TextSide } from "./open-text.js";
import type { PrefillChoice } from "./packing-plan.js";
import { type DeviceChoice, placementFor } from "./placement.js";
import { prefillUse } from "./prefill-weights.js";
import type { RowOutput } from "./runner.js";
import { type SpeculationChoice, speculationUse } from "./speculation.js";
import { TextWorkers } from "./text-workers.js";

export interface LoadOptions
  extends PackingChoice,
    PrefillChoice,
    Threading,
    DeviceChoice,
    SharedMemory,
    SpeculationChoice,
    DraftModelChoice,
    KvCacheChoice,
    SizeChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
}

const loadOptionNames = optionNames<LoadOptions>({
  ...loadingNames,
  prefillWeights: true,
  memory: true,
  encoderCache: true,
  maxSequences: true,
  maxLength: true,
  speculation: true,
  draftModel: true,
  kvCacheDtype: true,
});

/**
 * Opens a checkpoint folder (packing it into the cache the first time) or a packed model; without a path, the small model
 * that is part of the package.
 * @throws `invalid_request` (an unknown option), `not_found`, `invalid_file`, `invalid_config`, `unsupported`, `unavailable` (device), `io` (a full disk).
 */
export async function loadModel(path = bundledModel, options: LoadOptions = {}): Promise<VisionLanguageModel> {
  refuseUnknownOptions("loadModel", options, loadOptionNames);
  const open: OpenGraph = async (packed, name, session, usesPrefill) => {
    if (name !== "decoder") return openGraph(packed, name, session, options);
    const kvScales = await kvScalesFor(packed, session.device, options);
    const takesRuns = speculates(packed, session, options);
    return openDecoder(packed, session, options, { usesPrefill, takesRuns, kvScales });
  };
  return loadWith(open, path, options);
}

async function draftModelFor(
  { packed, tokenizer, imageSpec }: Pick<TextSide, "tokenizer" | "imageSpec"> & { readonly packed: PackedModel },
  sizes: Pick<DraftedFor, "numSlots" | "maxLength" | "threads">,
  speculation: ReturnType<typeof speculationUse>,
  options: LoadOptions,
  keep: Keep,
): Promise<DraftDecoder | undefined> {
  const { draftModel } = options;
  if (draftModel === undefined) return undefined;
  if (!speculation.isUsed)
    throw new OcellusError(
      "unsupported",
      `draft model ${draftModel}: nothing to draft for, ${speculation.notes[0] ?? "speculation is off"}`,
      { details: { option: "draftModel", draftModel } },
    );
  const imageTokenIds = [imageSpec?.imageTokenId, imageSpec?.video?.tokenId].filter((id) => id !== undefined);
  return openDraftModel(draftModel, { packed, tokenizer, imageTokenIds, ...sizes }, options, keep);
}

function speculates(
  { family, config }: PackedModel,
  { device }: SessionOptions,
  { speculation }: LoadOptions,
): boolean {
  return speculationUse(family.states(config), device, speculation).isUsed;
}

/** @internal How a graph of a packed model is opened; a decoder with the graph that reads prompts, if it is to be used. */
export type OpenGraph = (
  packed: PackedModel,
  name: string,
  options: SessionOptions,
  usesPrefill: boolean,
) => Promise<Graph>;

/** @internal `loadModel` with graphs opened in another way. */
export async function loadWith(
  open: OpenGraph,
  path: string,
  options: LoadOptions,
  outputOf?: (packed: PackedModel) => RowOutput,
): Promise<VisionLanguageModel> {
  const chosen = await choosePlacement(options);
  const started = performance.now();
  const { path: packedPath, written, notes } = await findPacked(path, options, "language");
  const packedAt = performance.now();
  return openWhole(async (keep) => {
    const packed = await keep(openPacked(packedPath));
    const layers = packed.family.states(packed.config);
    const { numSlots, maxLength } = sizesOf(packed, options);
    const placement = placementFor(layers, chosen);
    const { device, towers } = placement;
    const threads = options.threads ?? defaultThreads();
    const images = await keep(openImages(options));
    const prefill = prefillUse(packed, options.prefillWeights ?? "auto", device);
    const speculation = speculationUse(layers, device, options.speculation);
    const host: ModelHost = {
      images,
      openVision: () => open(packed, "vision", { device: towers, threads }, false),
      openDecoder: () => open(packed, "decoder", { device, threads }, prefill.isUsed),
      openHere: graphsHere(packed, threads),
      openTextWork: (...given) => TextWorkers.open(...given),
      visionDigest: () => fileDigest(packed.graphPath("vision")),
      openCache: openEncoderCache,
      openDraft: (text) =>
        draftModelFor({ packed, ...text }, { numSlots, maxLength, threads }, speculation, options, keep),
    };
    const setting = {
      ...options,
      ...{ numSlots, maxLength, placement, chosen, notes },
      laterNotes: [...prefill.notes, ...(outputOf ? [] : speculation.notes)],
      output: outputOf?.(packed),
      timings: () => ({ packMs: packedAt - started, openMs: performance.now() - packedAt, packed: written }),
    };
    return openModel(packed, host, setting, keep);
  });
}
