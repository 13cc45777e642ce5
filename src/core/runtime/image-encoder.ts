/**
 * A checkpoint that gives one vector of an image and knows no words (DINOv2, a ViT classifier below its head): for finding images
 * that are alike. It has a dual encoder's calls for texts, which say so.
 */
import { type Device, defaultThreads, type Graph } from "../backend/index.js";
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
import type { ImageEncoder } from "../models/index.js";
import { openPackedImageEncoder, type Packed } from "../pack/index.js";
import { choosePlacement } from "./choose-placement.js";
import type { EmbeddedText } from "./dual-encoder.js";
import { findPacked, loadingNames, openGraph, openImages, type PackingChoice, type Threading } from "./open.js";
import type { OpenedImages } from "./opened-images.js";
import type { DeviceChoice } from "./placement.js";
import { feedsOf, unit } from "./vision.js";

export interface LoadImageEncoderOptions extends PackingChoice, Threading, DeviceChoice {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
}

const optionsOfImageEncoder = optionNames<LoadImageEncoderOptions>(loadingNames);

/**
 * Opens the folder of such a checkpoint (packing it into the cache the first time) or a packed one.
 * @throws `not_found`, `invalid_file`, `invalid_config`, `unsupported` (another kind of model), `unavailable`, `io`.
 */
export async function loadImageEncoder(
  path: string,
  options: LoadImageEncoderOptions = {},
): Promise<ImageEncoderModel> {
  refuseUnknownOptions("loadImageEncoder", options, optionsOfImageEncoder);
  const { towers: device } = await choosePlacement(options);
  const { path: packedPath, notes } = await findPacked(path, options, "image_encoder", "whole");
  return openWhole(async (keep) => {
    const packed = await keep(openPackedImageEncoder(packedPath));
    const session = { device, threads: options.threads ?? defaultThreads() };
    const images = await keep(openImages(options));
    const vision = await keep(openGraph(packed, "vision", session, options));
    const imageProcessor = packed.family.imageProcessor(packed.config, await readImageProcessorConfig(packed.files));
    const vectorVersion = sha256(JSON.stringify([packed.manifest, await fileDigest(packed.graphPath("vision"))]));
    return new ImageEncoderModel({ packed, images, vision, imageProcessor, vectorVersion, device, notes });
  });
}

interface Parts {
  readonly packed: Packed<ImageEncoder>;
  readonly images: OpenedImages;
  readonly vision: Graph;
  readonly imageProcessor: ImageProcessor;
  readonly vectorVersion: string;
  readonly device: Device;
  readonly notes: readonly string[];
}

export class ImageEncoderModel {
  readonly #parts: Parts;
  readonly #closing = new Closing("the model");

  /** @internal Use `loadImageEncoder`. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As `DualEncoderModel.info`. */
  get info() {
    const { packed, device, notes } = this.#parts;
    const { model_type: modelType, weights, source_digest: digest } = packed.manifest;
    return { path: packed.path, modelType, weights, digest, device, maxLength: 0, notes };
  }

  /** Names what makes this model's vectors: equal versions give comparable ones. */
  get vectorVersion(): string {
    return this.#parts.vectorVersion;
  }

  /** What of an image the model is shown. */
  modelView(image: RgbImage): RgbImage {
    return modelView(image, this.#parts.imageProcessor);
  }

  /** The image's direction: [hidden_size], length one. @throws as `decodeImage`. */
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

  /** @throws `unsupported`. */
  async embedText(_text: string): Promise<Float32Array> {
    throw this.#wordless();
  }

  /** @throws `unsupported`. */
  async embedCounted(_text: string): Promise<EmbeddedText> {
    throw this.#wordless();
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

  #wordless(): OcellusError {
    const { modelType } = this.info;
    return new OcellusError(
      "unsupported",
      `${modelType} knows no words: it is good for finding images like a given one (\`ocellus index search --image\`); ` +
        "for texts take a dual encoder: clip, siglip",
      { details: { modelType, supported: ["images"] } },
    );
  }
}
