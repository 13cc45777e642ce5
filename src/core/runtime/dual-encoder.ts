/**
 * A checkpoint of two towers (CLIP, SigLIP), ready to compare images and texts: both towers give vectors of length one,
 * whose dot product is the cosine. It writes nothing and keeps no queue: one image or text a run.
 */

import { type Device, defaultThreads, type Graph, int64 } from "../backend/index.js";
import {
  Closing,
  OcellusError,
  openWhole,
  optionNames,
  refuseUnknownOptions,
  sha256,
  throwIfAborted,
} from "../base/index.js";
import { fileDigest } from "../fs/index.js";
import type { ImageInput } from "../image/node/index.js";
import { type ImageProcessor, modelView, type RgbImage, readImageProcessorConfig } from "../image/spec/index.js";
import type { DualEncoder } from "../models/index.js";
import { openPackedEncoder, type Packed } from "../pack/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { choosePlacement } from "./choose-placement.js";
import { findPacked, loadingNames, openGraph, openImages, type PackingChoice, type Threading } from "./open.js";
import type { OpenedImages } from "./opened-images.js";
import type { DeviceChoice } from "./placement.js";
import { readTokenizer } from "./read-tokenizer.js";
import { feedsOf, unit } from "./vision.js";

export interface LoadDualEncoderOptions extends PackingChoice, Threading, DeviceChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
}

const optionsOfDualEncoder = optionNames<LoadDualEncoderOptions>(loadingNames);

export interface LabelScore {
  readonly label: string;
  /** By softmax over the labels of one call, which says what fits best, not whether any fits; of SigLIP each label's own. */
  readonly probability: number;
  /** Cosine of image and label, comparable between calls. */
  readonly cosine: number;
}

export interface EmbeddedText {
  /** [projection_dim], length one. */
  readonly direction: Float32Array;
  /** What the model multiplies a cosine by, and adds to it where it judges each text by itself. */
  readonly scale: number;
  readonly bias: number | undefined;
  readonly numTokens: number;
}

export interface EmbeddedLabel extends EmbeddedText {
  readonly label: string;
}

export interface ClassifyOptions {
  /** What each label is put into; `{}` is its place. Default: as the model was trained, "a photo of a {}." of CLIP; "{}" for whole phrases. */
  readonly template?: string;
  readonly signal?: AbortSignal;
}

/** The longest words of these vocabularies have some 30; a text of more need not be tokenised to be refused. */
const charactersPerToken = 64;

/** As many labels as the largest published label set (ImageNet-21k) has, rounded up. */
const maxLabels = 32_768;

/**
 * Opens the folder of a checkpoint of two towers (packing it into the cache the first time) or a packed one.
 * @throws `not_found`, `invalid_file`, `invalid_config`, `unsupported` (another kind of model), `unavailable`, `io`.
 */
export async function loadDualEncoder(path: string, options: LoadDualEncoderOptions = {}): Promise<DualEncoderModel> {
  refuseUnknownOptions("loadDualEncoder", options, optionsOfDualEncoder);
  const { towers: device } = await choosePlacement(options);
  const { path: packedPath, notes } = await findPacked(path, options, "dual_encoder");
  return openWhole(async (keep) => {
    const packed = await keep(openPackedEncoder(packedPath));
    const session = { device, threads: options.threads ?? defaultThreads() };
    const { family, config, files } = packed;
    return new DualEncoderModel({
      packed,
      notes,
      device,
      vectorVersion: sha256(JSON.stringify([packed.manifest, ...(await graphDigests(packed))])),
      images: await keep(openImages(options)),
      vision: await keep(openGraph(packed, "vision", session, options)),
      text: await keep(openGraph(packed, "text", session, options)),
      tokenizer: await readTokenizer(files, family.lowercasesText),
      imageProcessor: family.imageProcessor(config, await readImageProcessorConfig(files)),
    });
  });
}

function graphDigests({ graphPath }: Packed<DualEncoder>): Promise<string[]> {
  return Promise.all(["vision", "text"].map((name) => fileDigest(graphPath(name))));
}

interface Parts {
  readonly packed: Packed<DualEncoder>;
  readonly notes: readonly string[];
  readonly vectorVersion: string;
  readonly device: Device;
  readonly vision: Graph;
  readonly text: Graph;
  readonly tokenizer: Tokenizer;
  readonly imageProcessor: ImageProcessor;
  readonly images: OpenedImages;
}

export class DualEncoderModel {
  readonly #parts: Parts;
  readonly #closing = new Closing("the model");

  /** @internal Use `loadDualEncoder`. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Name, format and limits, as a user would want to see them. */
  get info() {
    const { packed, device, notes } = this.#parts;
    const { path, manifest, family, config } = packed;
    return {
      path,
      modelType: manifest.model_type,
      weights: manifest.weights,
      digest: manifest.source_digest,
      device,
      /** Tokens a text may have. */
      maxLength: family.maxTextLength(config),
      /** What a user should know about the checkpoint, in sentences. */
      notes,
    };
  }

  /** Names what makes this model's vectors: equal versions give comparable ones. */
  get vectorVersion(): string {
    return this.#parts.vectorVersion;
  }

  /** What of a picture the model is shown: for whoever must see exactly that, and no other. */
  modelView(image: RgbImage): RgbImage {
    return modelView(image, this.#parts.imageProcessor);
  }

  /** The picture's direction: [projection_dim], length one. @throws as `decodeImage`. */
  async embedImage(image: ImageInput, options: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    this.#closing.check();
    const { packed, vision, imageProcessor, images } = this.#parts;
    const pixels = await images.see(image, imageProcessor, options);
    throwIfAborted(options.signal);
    this.#closing.check();
    const feeds = feedsOf(packed.family.inputs(packed.config, pixels));
    const { image_embeds } = await vision.run(feeds, { image_embeds: null });
    return unit(image_embeds!.data as Float32Array);
  }

  /** The text's direction: [projection_dim], length one. @throws `too_large` past the model's context (77 tokens as a rule). */
  async embedText(text: string): Promise<Float32Array> {
    return (await this.embedCounted(text)).direction;
  }

  /** As `embedText`, with the number of tokens that it read, its first and last special ones included, and what makes a cosine a logit. */
  async embedCounted(text: string): Promise<EmbeddedText> {
    const { embeds, ...rest } = await this.#encodeText(text);
    return { direction: unit(embeds), ...rest };
  }

  /** Which of the labels fits the picture best, best first. */
  async classify(image: ImageInput, labels: readonly string[], options: ClassifyOptions = {}): Promise<LabelScore[]> {
    return this.classifyAmong(image, await this.embedLabels(labels, options), options);
  }

  /** Labels for many pictures. @throws as `embedText`. */
  async embedLabels(labels: readonly string[], options: ClassifyOptions = {}): Promise<EmbeddedLabel[]> {
    const { template = this.#parts.packed.family.labelTemplate, signal } = options;
    checkLabels(labels, template);
    const embedded: EmbeddedLabel[] = [];
    for (const label of labels) {
      throwIfAborted(signal);
      embedded.push({ label, ...(await this.embedCounted(template.replaceAll("{}", label))) });
    }
    return embedded;
  }

  /** As `classify`, of labels that were embedded before. */
  async classifyAmong(
    image: ImageInput,
    labels: readonly EmbeddedLabel[],
    { signal }: Pick<ClassifyOptions, "signal"> = {},
  ): Promise<LabelScore[]> {
    const picture = await this.embedImage(image, signal ? { signal } : {});
    const cosines = labels.map(({ direction }) => cosine(picture, direction));
    const logits = labels.map(({ scale, bias = 0 }, i) => scale * cosines[i]! + bias);
    const probabilities = this.#parts.packed.family.probabilities === "softmax" ? softmax(logits) : logits.map(sigmoid);
    return labels
      .map(({ label }, i) => ({ label, cosine: cosines[i]!, probability: probabilities[i]! }))
      .sort((a, b) => b.probability - a.probability);
  }

  /** What is asked later is refused with `closed`; closing again waits for the first time. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      const { vision, text, packed, images } = this.#parts;
      await images.close();
      await Promise.all([vision.close(), text.close(), packed.close()]);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #encodeText(text: string) {
    this.#closing.check();
    const { packed, text: session, tokenizer } = this.#parts;
    const { family, config } = packed;
    const read = this.#tokenise(text);
    const { pad_token: pad } = tokenizer.namedTokens;
    const padding = { id: pad === undefined ? undefined : tokenizer.tokenId(pad), side: tokenizer.paddingSide };
    const { ids, pooledIndex } = family.textRow(config, read, padding);
    const feeds = {
      input_ids: int64(ids),
      position_ids: int64(ids.map((_, i) => i)),
      pooled_index: int64([pooledIndex]),
    };
    const hasBias = family.probabilities === "sigmoid";
    const outputs = { text_embeds: null, log_scale: null, ...(hasBias && { bias: null }) };
    const results = await session.run(feeds, outputs);
    return {
      embeds: results.text_embeds!.data as Float32Array,
      scale: Math.exp((results.log_scale!.data as Float32Array)[0]!),
      bias: (results.bias?.data as Float32Array | undefined)?.[0],
      numTokens: read.length,
    };
  }

  #tokenise(text: string): number[] {
    const { tokenizer, packed } = this.#parts;
    const most = packed.family.maxTextLength(packed.config);
    const refuse = (found: string, details: Readonly<Record<string, number>>): never => {
      throw new OcellusError(
        "too_large",
        `the text has ${found}, this model reads ${most}; shorten it: a caption, not a page`,
        { details: { ...details, most } },
      );
    };
    if (text.length > charactersPerToken * most) refuse(`${text.length} characters`, { numCharacters: text.length });
    const ids = tokenizer.encode(text, { addSpecialTokens: true });
    return ids.length <= most ? ids : refuse(`${ids.length} tokens`, { tokens: ids.length });
  }
}

/** Dot product: the cosine of two vectors of length one. @throws `invalid_request` when they are of different models. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new OcellusError(
      "invalid_request",
      `embeddings of ${a.length} and ${b.length} numbers come from different models`,
      { details: { lengths: [a.length, b.length] } },
    );
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function checkLabels(labels: readonly string[], template: string): void {
  if (labels.length === 0 || labels.length > maxLabels)
    throw new OcellusError("invalid_request", `labels: expected 1 to ${maxLabels} of them, found ${labels.length}`, {
      details: { field: "labels", least: 1, most: maxLabels, found: labels.length },
    });
  if (!template.includes("{}"))
    throw new OcellusError("invalid_request", `template: expected a place {} for the label, found "${template}"`, {
      details: { field: "template", expected: "{}" },
    });
}

function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
