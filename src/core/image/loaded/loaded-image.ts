/**
 * One image on its way through a request, from where it came in through guardrails to the processor: whichever of them asks first,
 * its bytes are read once, hashed once and decoded once. What was decoded is large, and is kept only until it was prepared.
 */
import { sha256 } from "../../base/index.js";
import { checkRgbImage, isRgbImage, type RgbImage } from "../spec/index.js";
import type { DecodedImage, DecodeImage, DecodeOptions } from "./decode.js";
import { imageSize } from "./header.js";
import { ownCopy } from "./own-copy.js";
import { pixelDigest } from "./pixel-digest.js";
import type { ImageFile, ImageSize } from "./platform.js";
import { defaultMaxBytes, type GivenImage, readInput } from "./read-input.js";

/** A path, a file:, data: or http(s): URL, the bytes of an image file, pixels, or an image that is loaded. */
export type ImageInput = GivenImage | LoadedImage;

export type LoadOptions = Pick<DecodeOptions, "maxBytes" | "maxPixels" | "signal">;

export class LoadedImage {
  /** As it was given; once it is read, what was read, so that a long URL need not be kept. */
  source: GivenImage | ImageFile;
  #reading: Promise<ImageFile> | undefined;
  #decoding: Promise<DecodedImage> | undefined;
  #size: Promise<ImageSize> | undefined;
  #fileDigest: string | undefined;
  #pixelDigest: string | undefined;

  private constructor(given: GivenImage) {
    this.source = ownCopy(given);
  }

  /** The same one, where it is loaded already. Memory that its owner could write to is copied. */
  static of(input: ImageInput): LoadedImage {
    return input instanceof LoadedImage ? input : new LoadedImage(input);
  }

  /** A file with its bytes, or pixels as they are. @throws as `readInput`; of pixels, as `checkRgbImage`. */
  async read({ maxBytes = defaultMaxBytes, maxPixels, signal }: LoadOptions = {}): Promise<ImageFile | RgbImage> {
    const { source } = this;
    if (isRgbImage(source)) {
      checkRgbImage(source, maxPixels);
      return source;
    }
    const options = { maxBytes, signal, fetch };
    this.#reading ??= readInput(source, options);
    try {
      this.source = await readInput(await this.#reading, options); // this reader's limits, which may be others
    } catch (error) {
      this.#reading = undefined; // another reader may have more time, and may take more bytes
      throw error;
    }
    return this.source;
  }

  /** SHA-256 of the file's bytes; of pixels, their digest after a word that no file's has. @throws as `read`. */
  async fileDigest(options: LoadOptions = {}): Promise<string> {
    const read = await this.read(options);
    if (isRgbImage(read)) return `pixels ${this.#digestOf(read)}`;
    this.#fileDigest ??= sha256(read.bytes);
    return this.#fileDigest;
  }

  /** By the header alone. @throws as `read` and `imageSize`. */
  async size(options: LoadOptions = {}): Promise<ImageSize> {
    const read = await this.read(options);
    this.#size ??= imageSize(read);
    return this.#size;
  }

  /** The pixels and their digest. @throws as `read` and `decode`. */
  async decoded(decode: DecodeImage, options: LoadOptions = {}): Promise<DecodedImage> {
    const read = await this.read(options);
    if (isRgbImage(read)) return this.#asDecoded(read);
    const { signal } = options;
    this.#decoding ??= decode(read, signal && { signal });
    try {
      return await this.#decoding;
    } catch (error) {
      this.#decoding = undefined;
      throw error;
    }
  }

  /**
   * What the least is left to be done with: pixels where it is decoded, else its file. What was decoded is forgotten here: it
   * belongs to the caller from now on.
   */
  async take(options: LoadOptions = {}): Promise<ImageFile | DecodedImage> {
    const read = await this.read(options);
    if (isRgbImage(read)) return this.#asDecoded(read);
    const decoded = await this.#decoding;
    this.#decoding = undefined;
    return decoded ?? read;
  }

  #asDecoded(read: RgbImage): DecodedImage {
    const { width, height, data } = read;
    return { image: { width, height, data }, digest: this.#digestOf(read) }; // pixels may have been changed since a file told them
  }

  #digestOf(image: RgbImage): string {
    this.#pixelDigest ??= pixelDigest(image);
    return this.#pixelDigest;
  }
}
