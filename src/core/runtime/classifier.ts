/** A checkpoint that classifies pictures, ready to be shown one at a time. */

import { defaultThreads, type Graph } from "../backend/index.js";
import { Closing, openWhole, optionNames, refuseUnknownOptions, throwIfAborted } from "../base/index.js";
import type { ImageInput } from "../image/node/index.js";
import { type ImageProcessor, readImageProcessorConfig } from "../image/spec/index.js";
import type { Classifier } from "../models/index.js";
import { openPackedClassifier, type Packed } from "../pack/index.js";
import { choosePlacement } from "./choose-placement.js";
import { checkNumbers } from "./finite.js";
import { findPacked, loadingNames, openGraph, openImages, type PackingChoice, type Threading } from "./open.js";
import type { OpenedImages } from "./opened-images.js";
import type { DeviceChoice } from "./placement.js";
import { feedsOf } from "./vision.js";

export interface LoadClassifierOptions extends PackingChoice, Threading, DeviceChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
}

const optionsOfClassifier = optionNames<LoadClassifierOptions>(loadingNames);

export interface LabelProbability {
  readonly label: string;
  /** Softmax over all labels. */
  readonly probability: number;
}

/**
 * Opens the checkpoint of a classifier (packing it into the cache the first time) or a packed one.
 * @throws `not_found`, `invalid_file`, `invalid_config`, `unsupported` (another kind of model), `unavailable`, `io`.
 */
export async function loadClassifier(path: string, options: LoadClassifierOptions = {}): Promise<ImageClassifier> {
  refuseUnknownOptions("loadClassifier", options, optionsOfClassifier);
  const { towers: device } = await choosePlacement(options);
  const { path: packedPath, notes } = await findPacked(path, options, "classifier");
  return openWhole(async (keep) => {
    const packed = await keep(openPackedClassifier(packedPath));
    const session = { device, threads: options.threads ?? defaultThreads() };
    const images = await keep(openImages(options));
    const vision = await keep(openGraph(packed, "vision", session, options));
    const imageProcessor = packed.family.imageProcessor(packed.config, await readImageProcessorConfig(packed.files));
    return new ImageClassifier({ packed, images, vision, imageProcessor, notes });
  });
}

interface Parts {
  readonly packed: Packed<Classifier>;
  readonly images: OpenedImages;
  readonly vision: Graph;
  readonly imageProcessor: ImageProcessor;
  readonly notes: readonly string[];
}

export class ImageClassifier {
  readonly labels: readonly string[];
  readonly digest: string;
  /** What a user should know about the checkpoint, in sentences. */
  readonly notes: readonly string[];
  readonly #parts: Parts;
  readonly #closing = new Closing("the classifier");

  /** @internal Use `loadClassifier`. */
  constructor(parts: Parts) {
    const { packed, notes } = parts;
    this.#parts = parts;
    this.notes = notes;
    this.labels = packed.family.labels(packed.config);
    this.digest = packed.manifest.source_digest;
  }

  /** In the order of `labels`. @throws as `decodeImage`. */
  async classify(image: ImageInput, options: { readonly signal?: AbortSignal } = {}): Promise<LabelProbability[]> {
    this.#closing.check();
    const { packed, images, vision, imageProcessor } = this.#parts;
    const pixels = await images.see(image, imageProcessor, options);
    throwIfAborted(options.signal);
    this.#closing.check();
    const feeds = feedsOf(packed.family.inputs(packed.config, pixels));
    const { logits } = await vision.run(feeds, { logits: null });
    const probabilities = softmax(logits!.data as Float32Array);
    return this.labels.map((label, i) => ({ label, probability: probabilities[i]! }));
  }

  /** What is asked later is refused with `closed`; closing again waits for the first time. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      const { vision, packed, images } = this.#parts;
      await images.close();
      await vision.close();
      await packed.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function softmax(logits: Float32Array): number[] {
  checkNumbers(logits, "the classifier's logits");
  const top = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
