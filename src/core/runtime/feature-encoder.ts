/**
 * The image encoder of any checkpoint that has one, for a classifier's head: what the linear layer of the family's
 * …ForImageClassification reads, in fp32. Features are cached by the file's bytes, on disk if wanted: what was encoded once is not
 * even decoded again.
 */
import { defaultThreads, type Graph } from "../backend/index.js";
import {
  Closing,
  OcellusError,
  openWhole,
  optionNames,
  refuseUnknownOptions,
  Semaphore,
  sha256,
  throwIfAborted,
} from "../base/index.js";
import { type EncoderCache, encoderCacheKey, type FeatureSource } from "../cache/index.js";
import { fileDigest } from "../fs/index.js";
import { type ImageInput, LoadedImage } from "../image/node/index.js";
import { batchesOf, type ImageProcessor, type PixelValues, readImageProcessorConfig } from "../image/spec/index.js";
import type { ImageEncoder } from "../models/index.js";
import { openPackedImageEncoder, type Packed, type PackProgress } from "../pack/index.js";
import { choosePlacement } from "./choose-placement.js";
import { checkNumbers } from "./finite.js";
import { findPacked, openGraph, openImages, type Threading } from "./open.js";
import { openEncoderCache } from "./open-encoder-cache.js";
import type { OpenedImages } from "./opened-images.js";
import type { DeviceChoice } from "./placement.js";
import { feedsOf } from "./vision.js";

export interface LoadFeatureEncoderOptions extends Omit<Threading, "graphThreads">, DeviceChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
  /** Where features outlive the process; one process at a time. Default: nowhere. */
  readonly cacheFolder?: string;
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
}

const optionsOfFeatureEncoder = optionNames<LoadFeatureEncoderOptions>({
  ...{ imageThreads: true, imageLimits: true, device: true, threads: true },
  ...{ cacheFolder: true, signal: true, onPackProgress: true },
});

export interface FeatureVector {
  /** [features] */
  readonly vector: Float32Array;
  /** SHA-256 of the file. */
  readonly digest: string;
  readonly source: FeatureSource;
}

/** @throws as `loadImageEncoder`; `unsupported` for a family without an image encoder, `invalid_request` for a packed model. */
export async function loadFeatureEncoder(
  path: string,
  options: LoadFeatureEncoderOptions = {},
): Promise<FeatureEncoderModel> {
  refuseUnknownOptions("loadFeatureEncoder", options, optionsOfFeatureEncoder);
  const { towers: device } = await choosePlacement({ ...options, weights: "fp32" });
  const { signal, onPackProgress, cacheFolder } = options;
  const packing = { weights: "fp32", ...(signal && { signal }), ...(onPackProgress && { onPackProgress }) } as const;
  const { path: packedPath } = await findPacked(path, packing, "image_encoder", "features");
  return openWhole(async (keep) => {
    const packed = await keep(openPackedImageEncoder(packedPath));
    if (packed.family.view !== "features") throw alreadyPacked(path);
    const images = await keep(openImages(options));
    const session = { device, threads: options.threads ?? defaultThreads() };
    const vision = await keep(openGraph(packed, "vision", session, {}));
    const imageProcessor = packed.family.imageProcessor(packed.config, await readImageProcessorConfig(packed.files));
    const cache = await keep(openEncoderCache(cacheFolder === undefined ? {} : { encoderCacheFolder: cacheFolder }));
    const graph = await fileDigest(packed.graphPath("vision"));
    const version = sha256(JSON.stringify([packed.manifest, graph, device]));
    return new FeatureEncoderModel({ packed, images, vision, imageProcessor, cache, version });
  });
}

function alreadyPacked(path: string): OcellusError {
  return new OcellusError("invalid_request", `${path} is a packed model; name the checkpoint that it was made from`, {
    details: { path, found: "packed model" },
  });
}

interface Parts {
  readonly packed: Packed<ImageEncoder>;
  readonly images: OpenedImages;
  readonly vision: Graph;
  readonly imageProcessor: ImageProcessor;
  readonly cache: EncoderCache;
  readonly version: string;
}

export class FeatureEncoderModel {
  readonly modelType: string;
  readonly digest: string;
  readonly #parts: Parts;
  readonly #preprocessing: string;
  readonly #running = new Semaphore(1);
  readonly #closing = new Closing("the encoder");

  /** @internal Use `loadFeatureEncoder`. */
  constructor(parts: Parts) {
    const { manifest } = parts.packed;
    this.#parts = parts;
    this.modelType = manifest.model_type;
    this.digest = manifest.source_digest;
    this.#preprocessing = sha256(JSON.stringify(parts.imageProcessor));
  }

  /** @throws as `decodeImage`; `unsupported` for an image that the family sees in several pieces. */
  async encode(input: ImageInput, options: { readonly signal?: AbortSignal } = {}): Promise<FeatureVector> {
    this.#closing.check();
    const { images, version, cache, imageProcessor } = this.#parts;
    const image = LoadedImage.of(input);
    const digest = await image.fileDigest({ ...images.limits, ...options });
    const key = encoderCacheKey({
      model: version,
      preprocessing: this.#preprocessing,
      pixels: digest,
      rows: 0,
      columns: 0,
    });
    const run = async (signal: AbortSignal) => this.#run(await images.see(image, imageProcessor, { signal }), signal);
    const { features, source } = await cache.get(key, run, options.signal);
    return { vector: features.image_embeds!, digest, source };
  }

  /** What is asked later is refused with `closed`; closing again waits for the first time. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      const { vision, packed, images, cache } = this.#parts;
      await images.close();
      await this.#running.run(() => vision.close());
      await packed.close();
      await cache.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run(pixels: PixelValues, signal: AbortSignal) {
    const { packed, vision } = this.#parts;
    if (batchesOf(pixels).length > 1) throw inPieces(packed.manifest.model_type);
    return this.#running.run(async () => {
      throwIfAborted(signal);
      this.#closing.check();
      const { image_embeds } = await vision.run(feedsOf(packed.family.inputs(packed.config, pixels)), {
        image_embeds: null,
      });
      const vector = image_embeds!.data as Float32Array;
      checkNumbers(vector, "an image's features");
      return { image_embeds: vector };
    }, signal);
  }
}

function inPieces(modelType: string): OcellusError {
  return new OcellusError(
    "unsupported",
    `${modelType} sees this image in several pieces, whose features no head reads together; take another encoder, or smaller images`,
    { details: { modelType } },
  );
}
