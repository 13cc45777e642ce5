/**
 * Joins a model of its parts: graphs, text side and memory, which are opened as where it runs has it. The same in Node (load-model.ts)
 * and in a browser (web/).
 */
import type { Graph } from "../backend/portable.js";
import { type Keep, throwIfAborted } from "../base/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { DraftDecoder } from "./draft-model.js";
import type { LoadTimings } from "./language-model.js";
import { type MemoryHost, openMemory, type SharedMemory } from "./memory.js";
import { VisionLanguageModel } from "./model.js";
import { type OpenTextWork, openText, type TextSide } from "./open-text.js";
import type { OpenedImages } from "./opened-images.js";
import { type Placement, placementNotes, stateNotes } from "./placement.js";
import type { RowOutput } from "./runner.js";
import type { OpenHere } from "./vision.js";

/** What a model needs of where it runs. */
export interface ModelHost extends MemoryHost {
  readonly images: OpenedImages;
  openVision(): Promise<Graph>;
  openDecoder(): Promise<Graph>;
  readonly openHere: OpenHere;
  readonly openTextWork: OpenTextWork;
  /** Absent: nothing drafts for it. */
  openDraft?(text: TextSide): Promise<DraftDecoder | undefined>;
}

export interface SizeChoice {
  /** Sequences that can run at once. Default 8. */
  readonly maxSequences?: number;
  /** Context limit in tokens; default and most: what the model was made for. */
  readonly maxLength?: number;
}

export function sizesOf({ family, config }: PackedModel, { maxSequences, maxLength }: SizeChoice) {
  const { maxLength: most } = family.dimensions(config);
  return { numSlots: maxSequences ?? 8, maxLength: Math.min(maxLength ?? most, most) };
}

export interface ModelSetting extends SharedMemory {
  readonly numSlots: number;
  readonly maxLength: number;
  readonly placement: Placement;
  /** What was chosen before the model was known. */
  readonly chosen: Placement;
  readonly timings: () => LoadTimings;
  /** Of the checkpoint. */
  readonly notes: readonly string[];
  /** Of how it runs, beside those of its placement. */
  readonly laterNotes: readonly string[];
  readonly output?: RowOutput | undefined;
  readonly signal?: AbortSignal;
}

/** @throws as `loadModel` */
export async function openModel(
  packed: PackedModel,
  host: ModelHost,
  setting: ModelSetting,
  keep: Keep,
): Promise<VisionLanguageModel> {
  const { placement, chosen, numSlots, maxLength, output, laterNotes } = setting;
  const { images, openHere } = host;
  // Beside each other where graphs have threads of their own: opening a large one is the work of one core.
  const [vision, decoder, text] = await Promise.all([
    packed.family.image && keep(host.openVision()),
    keep(host.openDecoder()),
    openText(packed, images, host.openTextWork, keep),
  ]);
  throwIfAborted(setting.signal);
  const timings = setting.timings();
  const imageProcessors = text.imageSpec && [text.imageSpec.imageProcessor, text.imageSpec.video?.videoProcessor];
  const remembered = { packed, device: placement.towers, imageProcessors, onThread: images.onThreads };
  const memory = await keep(openMemory(setting, remembered, host));
  const layers = packed.family.states(packed.config);
  const ofPlacement = [...placementNotes(placement, packed.manifest.weights), ...stateNotes(layers, chosen)];
  const draftModel = await host.openDraft?.(text);
  return new VisionLanguageModel({
    ...{
      packed,
      vision,
      decoder,
      memory,
      ...text,
      placement,
      openHere,
      timings,
      numSlots,
      maxLength,
      draftModel,
      output,
    },
    closeImages: images.close,
    notes: [...setting.notes, ...text.notes, ...ofPlacement, ...laterNotes],
  });
}
