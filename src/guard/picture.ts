/** A picture as guards look at it: read once, decoded only for who has not seen it. */
import { createHash } from "node:crypto";
import {
  decodeImage,
  defaultMaxBytes,
  type ImageFile,
  type ImageInput,
  isRgbImage,
  type PictureLimits,
  pixelDigest,
  type RgbImage,
  readInput,
} from "../image/index.js";
import type { PictureSubject } from "./verdict.js";

/** As many as verdicts are remembered for; a line each. */
const maxDigests = 65_536;

export interface ReadPicture {
  /** What was read: a path or an address could show something else when it is read again. */
  readonly file: RgbImage | Uint8Array;
  readonly whole: PictureSubject;
}

export class PictureReader {
  readonly #limits: PictureLimits;
  /** SHA-256 of a file → of its pixels, least recently used first. */
  readonly #digests = new Map<string, string>();

  constructor(limits: PictureLimits) {
    this.#limits = limits;
  }

  /** @throws as `readInput` and `decodeImage`. */
  async read(input: ImageInput, signal: AbortSignal): Promise<ReadPicture> {
    const { maxBytes = defaultMaxBytes, maxPixels } = this.#limits;
    const file = isRgbImage(input) ? input : await readInput(input, { maxBytes, signal, fetch });
    const limits = { maxBytes, signal, ...(maxPixels !== undefined && { maxPixels }) };
    let decoded: Promise<RgbImage> | undefined;
    const pixels = () => {
      decoded ??= decodeImage(file, limits);
      return decoded;
    };
    const digest = isRgbImage(file) ? pixelDigest(file) : await this.#digestOf(file, pixels);
    return { file: isRgbImage(file) ? file : file.bytes, whole: { kind: "picture", digest, view: "whole", pixels } };
  }

  async #digestOf({ bytes }: ImageFile, pixels: () => Promise<RgbImage>): Promise<string> {
    const key = createHash("sha256").update(bytes).digest("hex");
    const digest = this.#digests.get(key) ?? pixelDigest(await pixels());
    this.#digests.delete(key);
    this.#digests.set(key, digest);
    if (this.#digests.size > maxDigests) this.#digests.delete(this.#digests.keys().next().value!);
    return digest;
  }
}
