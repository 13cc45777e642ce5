/** Opens a model: finds or makes its packed form, opens its graphs, its text side and its memory, and joins them. */
import { defaultThreads, type Graph, type SessionOptions } from "../backend/index.js";
import {
  type Keep,
  OcellusError,
  openWhole,
  optionNames,
  refuseUnknownOptions,
  throwIfAborted,
} from "../base/index.js";
import { bundledModel } from "../checkpoint/index.js";
import { openPacked, type PackedModel } from "../pack/index.js";
import type { DraftDecoder } from "./draft-model.js";
import { type KvCacheChoice, kvScalesFor } from "./kv-cache-dtype.js";
import { openMemory, type SharedMemory } from "./memory.js";
import { VisionLanguageModel } from "./model.js";
import {
  findPacked,
  loadingNames,
  openDecoder,
  openGraph,
  openImages,
  type PackingChoice,
  type Threading,
} from "./open.js";
import { type DraftedFor, type DraftModelChoice, openDraftModel } from "./open-draft-model.js";
import { openText, type TextSide } from "./open-text.js";
import type { PrefillChoice } from "./packing-plan.js";
import { choosePlacement, type DeviceChoice, placementFor, placementNotes, stateNotes } from "./placement.js";
import { prefillUse } from "./prefill-weights.js";
import type { RowOutput } from "./runner.js";
import { type SpeculationChoice, speculationUse } from "./speculation.js";

export interface LoadOptions
  extends PackingChoice,
    PrefillChoice,
    Threading,
    DeviceChoice,
    SharedMemory,
    SpeculationChoice,
    DraftModelChoice,
    KvCacheChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
  /** Sequences that can run at once. Default 8. */
  readonly maxSequences?: number;
  /** Context limit in tokens; default and most: what the model was made for. */
  readonly maxLength?: number;
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
    const numSlots = options.maxSequences ?? 8;
    const dimensions = packed.family.dimensions(packed.config);
    const maxLength = Math.min(options.maxLength ?? dimensions.maxLength, dimensions.maxLength);
    const placement = placementFor(layers, chosen);
    const { device, towers } = placement;
    const threads = options.threads ?? defaultThreads();
    const images = await keep(openImages(options));
    const prefill = prefillUse(packed, options.prefillWeights ?? "auto", device);
    // Beside each other where graphs have threads of their own: opening a large one is the work of one core.
    const [vision, decoder, text] = await Promise.all([
      packed.family.image && keep(open(packed, "vision", { device: towers, threads }, false)),
      keep(open(packed, "decoder", { device, threads }, prefill.isUsed)),
      openText(packed, images, keep),
    ]);
    throwIfAborted(options.signal);
    const timings = { packMs: packedAt - started, openMs: performance.now() - packedAt, packed: written };
    const imageProcessors = text.imageSpec && [text.imageSpec.imageProcessor, text.imageSpec.video?.videoProcessor];
    const memory = await keep(openMemory(options, packed, towers, imageProcessors, images.threads !== undefined));
    const ofPlacement = [...placementNotes(placement, packed.manifest.weights), ...stateNotes(layers, chosen)];
    const speculation = speculationUse(layers, device, options.speculation);
    const ofSpeculation = outputOf ? [] : speculation.notes;
    const sizes = { numSlots, maxLength, threads };
    const draftModel = await draftModelFor({ packed, ...text }, sizes, speculation, options, keep);
    const allNotes = [...notes, ...text.notes, ...ofPlacement, ...prefill.notes, ...ofSpeculation];
    const parts = {
      packed,
      vision,
      decoder,
      closeImages: images.close,
      memory,
      ...text,
      placement,
      threads,
      timings,
      notes: allNotes,
      numSlots,
      maxLength,
      draftModel,
      output: outputOf?.(packed),
    };
    return new VisionLanguageModel(parts);
  });
}
