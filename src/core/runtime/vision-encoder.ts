/**
 * The images of one model: encoded once and cached, pinned, pooled into vectors, placed in a prompt, and encoded once more
 * for a trace. One run of the vision graph at a time: each uses all threads, and the decoder needs some too. Prompts that are
 * read while answers are written take turns with it (docs/decisions/0014-running-answers.md).
 */
import type { Graph } from "../backend/portable.js";
import { type Closing, OcellusError, type Semaphore } from "../base/index.js";
import type { Features } from "../cache/portable.js";
import type { ImageInput, SeenImage } from "../image/loaded/index.js";
import type { SampledVideo, VideoFile } from "../image/node/index.js";
import {
  type AttentionMap,
  gridOf,
  modelView,
  type PixelBudget,
  type PixelValues,
  type RgbImage,
  uprightSize,
  withPixelBudget,
} from "../image/spec/index.js";
import type { PackedModel } from "../pack/portable.js";
import { checkImageTokens, type Prompt, type PromptImage, sampleVideo } from "../processor/portable.js";
import { attentionMapOf } from "./attention-map.js";
import type { ChatImage, LocalImage } from "./chat.js";
import type { Memory } from "./memory.js";
import type { TextSide } from "./open-text.js";
import type { PlacedImage } from "./sequence-inputs.js";
import {
  type EncodedImage,
  encodeImage,
  imageFeatures,
  lookAgain,
  type OpenHere,
  placed,
  pooledVector,
} from "./vision.js";

export interface VisionEncoderParts extends Pick<TextSide, "processor" | "imageSpec" | "familiar"> {
  readonly packed: PackedModel;
  /** Absent in a model that reads text only. */
  readonly vision: Graph | undefined;
  readonly memory: Memory;
  readonly openHere: OpenHere;
}

export interface VisionEncoderOptions {
  /** Tokens of the context. */
  readonly maxTokens: number;
  readonly closing: Closing;
  /** Shared with the engine. */
  readonly reading: Semaphore;
}

export class VisionEncoder {
  readonly #parts: VisionEncoderParts;
  readonly #maxTokens: number;
  readonly #closing: Closing;
  readonly #running: Semaphore;

  constructor(parts: VisionEncoderParts, { maxTokens, closing, reading }: VisionEncoderOptions) {
    this.#parts = parts;
    this.#maxTokens = maxTokens;
    this.#closing = closing;
    this.#running = reading;
  }

  /** @throws as `VisionLanguageModel.modelView` */
  modelView(image: RgbImage, budget: PixelBudget): RgbImage {
    const imageSpec = this.#imageSpec();
    const imageProcessor = withPixelBudget(imageSpec.imageProcessor, budget);
    checkImageTokens([gridOf(image, imageProcessor)], imageSpec, { maxTokens: this.#maxTokens });
    return modelView(image, imageProcessor);
  }

  /** @throws as `VisionLanguageModel.sampleVideo` */
  sampleVideo(file: VideoFile, signal: AbortSignal | undefined): Promise<SampledVideo> {
    return sampleVideo(file, this.#parts.imageSpec, { maxTokens: this.#maxTokens, signal });
  }

  /** @throws as `VisionLanguageModel.pin` */
  async pin(input: ImageInput, signal: AbortSignal | undefined): Promise<() => void> {
    this.#imageSpec();
    const { memory } = this.#parts;
    const image = await this.#read(input, signal);
    this.#closing.check();
    return memory.features.pin(memory.keyOf(image), this.#encode(image), signal);
  }

  /** @throws as `VisionLanguageModel.embedImage` */
  async embed(input: ImageInput, signal: AbortSignal | undefined): Promise<Float32Array> {
    this.#graph();
    const image = await this.#read(input, signal);
    return pooledVector((await this.#features(image, signal)).features, image);
  }

  /** Past the cache. */
  encodePixels(pixels: PixelValues): Promise<EncodedImage> {
    return encodeImage(this.#graph(), this.#parts.packed, pixels);
  }

  /** Those within the first `numRead` tokens need no features: the decoder has read them. */
  async place({ images }: Prompt, numRead: number, signal: AbortSignal | undefined) {
    const { packed, memory, familiar } = this.#parts;
    const numDeepstack = packed.family.numDeepstack(packed.config);
    const rows: PlacedImage[] = [];
    const reports: LocalImage[] = [];
    for (const image of images) {
      const { start, numTokens, spans, size, shown } = image;
      const found = start + numTokens <= numRead ? undefined : await this.#features(image, signal);
      if (found) rows.push(...placed(spans, imageFeatures(found.features, numDeepstack)));
      const familiarity = familiar?.of(memory.keyOf(image), () => found && pooledVector(found.features, image));
      const source = sourceOf(image, found?.source ?? "prefix");
      const sent = size && uprightSize(size, size.orientation ?? 1);
      const sizes = { ...(sent && { sent }), ...(shown && { shown }) };
      reports.push({ numTokens, ...sizes, ...source, ...(familiarity && { familiarity }) });
    }
    return { rows, reports };
  }

  /** Of each image of the prompt, per layer. */
  attention({ images }: Pick<Prompt, "images">, signal: AbortSignal | undefined) {
    const { packed, openHere } = this.#parts;
    return this.#running.run(() => lookAgain(images, packed, { open: openHere, signal }), signal);
  }

  /** @throws as `VisionLanguageModel.attentionMap` */
  async attentionMap(input: ImageInput, signal: AbortSignal | undefined): Promise<AttentionMap | undefined> {
    const { imageProcessor } = this.#imageSpec();
    const image = await this.#read(input, signal);
    const [looks] = await this.attention({ images: [image] }, signal);
    return attentionMapOf(looks!, image, imageProcessor);
  }

  /** After a run that is under way. */
  async close(): Promise<void> {
    await this.#running.run(async () => this.#parts.vision?.close());
  }

  #imageSpec() {
    const { imageSpec, packed } = this.#parts;
    if (imageSpec) return imageSpec;
    throw new OcellusError("unsupported", `${packed.path} reads text only, no images`);
  }

  #graph(): Graph {
    this.#closing.check();
    const { vision, packed } = this.#parts;
    if (vision) return vision;
    throw new OcellusError("unsupported", `${packed.path} reads text only: it has no vision graph`);
  }

  async #read(image: ImageInput, signal: AbortSignal | undefined): Promise<PromptImage> {
    const content = [{ type: "image", image } as const];
    const options = { maxTokens: this.#maxTokens, ...(signal && { signal }) };
    return (await this.#parts.processor.process([{ role: "user", content }], options)).images[0]!;
  }

  #features(image: PromptImage, signal: AbortSignal | undefined) {
    const { memory } = this.#parts;
    return memory.features.get(memory.keyOf(image), this.#encode(image), signal);
  }

  #encode(image: SeenImage): (unwanted: AbortSignal) => Promise<Features> {
    return async (unwanted) => {
      if (image.standsFor) return image.standsFor.features; // forgotten since
      const pixels = await image.pixels();
      return (await this.#running.run(() => this.encodePixels(pixels), unwanted)).outputs; // checks that it is open
    };
  }
}

function sourceOf({ digest, standsFor }: SeenImage, source: ChatImage["source"]): Omit<ChatImage, "numTokens"> {
  if (!standsFor) return { digest, source, known: source !== "encoded" };
  const { digest: own, similarity } = standsFor;
  return { digest: own, source: "near", known: true, near: { digest, similarity } };
}
