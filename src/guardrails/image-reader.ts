/** A picture as guards look at it: read once, decoded only for who has not seen it. */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import {
  type DecodedImage,
  type DecodeImage,
  decodePicture,
  defaultMaxBytes,
  type ImageFile,
  type ImageInput,
  type ImageLimits,
  readInput,
} from "../core/image/node/index.js";
import { isRgbImage, type RgbImage } from "../core/image/spec/index.js";
import type { ImageSubject } from "./verdict.js";

/** As many as verdicts are remembered for; a line each. */
const maxDigests = 65_536;

export interface ReadPicture {
  /** What was read: a path or an address could show something else when it is read again. */
  readonly file: RgbImage | Uint8Array;
  readonly whole: ImageSubject;
}

export class ImageReader {
  readonly #limits: ImageLimits;
  readonly #decode: DecodeImage;
  /** SHA-256 of a file → of its pixels. */
  readonly #digests = new LRUCache<string, string>({ max: maxDigests });

  /** @param decode default on the caller's thread, within the limits. */
  constructor(limits: ImageLimits, decode?: DecodeImage) {
    this.#limits = limits;
    this.#decode = decode ?? ((input, options) => decodePicture(input, { ...limits, ...options }));
  }

  /** @throws as `readInput` and `decodeImage`. */
  async read(input: ImageInput, signal: AbortSignal): Promise<ReadPicture> {
    const { maxBytes = defaultMaxBytes } = this.#limits;
    const file = isRgbImage(input) ? input : await readInput(input, { maxBytes, signal, fetch });
    let started: Promise<DecodedImage> | undefined;
    const decoded = () => {
      started ??= isRgbImage(file) ? decodePicture(file, this.#limits) : this.#decode(file, { signal });
      return started;
    };
    const digest = isRgbImage(file) ? (await decoded()).digest : await this.#digestOf(file, decoded);
    const pixels = async () => (await decoded()).image;
    return { file: isRgbImage(file) ? file : file.bytes, whole: { kind: "picture", digest, view: "whole", pixels } };
  }

  async #digestOf({ bytes }: ImageFile, decoded: () => Promise<DecodedImage>): Promise<string> {
    const key = createHash("sha256").update(bytes).digest("hex");
    const digest = this.#digests.get(key) ?? (await decoded()).digest;
    this.#digests.set(key, digest);
    return digest;
  }
}
