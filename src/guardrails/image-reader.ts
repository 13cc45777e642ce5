/** A picture as guards look at it: read once, decoded only for who has not seen it. */
import { LRUCache } from "lru-cache";
import {
  type DecodedImage,
  type DecodeImage,
  decodeAndDigest,
  type ImageInput,
  type ImageLimits,
  LoadedImage,
} from "../core/image/node/index.js";
import type { ImageSubject } from "./verdict.js";

/** As many as verdicts are remembered for; a line each. */
const maxDigests = 65_536;

export interface ReadImage {
  /** What was read: a path or an address could show something else when it is read again. */
  readonly image: LoadedImage;
  readonly whole: ImageSubject;
}

export class ImageReader {
  readonly #limits: ImageLimits;
  readonly #decode: DecodeImage;
  /** What names a file → SHA-256 of its pixels. */
  readonly #digests = new LRUCache<string, string>({ max: maxDigests });

  /** @param decode default on the caller's thread, within the limits. */
  constructor(limits: ImageLimits, decode?: DecodeImage) {
    this.#limits = limits;
    this.#decode = decode ?? ((input, options) => decodeAndDigest(input, { ...limits, ...options }));
  }

  /** @throws as `readInput` and `decodeImage`. */
  async read(input: ImageInput, signal: AbortSignal): Promise<ReadImage> {
    const options = { ...this.#limits, signal };
    const image = LoadedImage.of(input);
    const file = await image.fileDigest(options);
    const decoded = () => image.decoded(this.#decode, options);
    const digest = await this.#digestOf(file, decoded);
    const pixels = async () => (await decoded()).image;
    return { image, whole: { kind: "image", digest, view: "whole", pixels } };
  }

  async #digestOf(key: string, decoded: () => Promise<DecodedImage>): Promise<string> {
    const digest = this.#digests.get(key) ?? (await decoded()).digest;
    this.#digests.set(key, digest);
    return digest;
  }
}
