/**
 * Images on their way to an engine elsewhere: decoded, turned upright, scaled down to the budget and written once, however often a
 * conversation shows them. What was lossy goes as JPEG (quality 95), what was not as PNG; a file as it came never does: it may hold
 * where it was taken, and engines disagree about its orientation.
 */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { OcellusError } from "../core/base/index.js";
import {
  type DecodeImage,
  encodeSized,
  type ImageInput,
  LoadedImage,
  type LoadOptions,
} from "../core/image/node/index.js";
import { isRgbImage, sniffFormat } from "../core/image/spec/index.js";

export interface ImageSizes {
  readonly width: number;
  readonly height: number;
}

export interface OutgoingImage {
  /** SHA-256 of the decoded pixels. */
  readonly digest: string;
  /** Names these pixels at this size for this model. */
  readonly uuid: string;
  /** data:image/…;base64,… */
  readonly url: string;
  readonly sent: ImageSizes;
  readonly shown: ImageSizes;
}

export interface OutgoingOptions {
  readonly decode: DecodeImage;
  readonly limits: Pick<LoadOptions, "maxBytes" | "maxPixels">;
  /** What the names are good for: another model makes something else of the same pixels. */
  readonly modelDigest: string;
}

/** Of written images, as text: some 200 of a megapixel. */
const cacheBytes = 64 * 2 ** 20;
/** Lossless, a photo of 16 megapixels would take 40 MB. */
const maxPngBytes = 8 * 2 ** 20;

const lossyFormats: readonly string[] = ["jpeg", "webp", "avif"];

export class OutgoingImages {
  readonly #options: OutgoingOptions;
  readonly #written = new LRUCache<string, OutgoingImage>({
    maxSize: cacheBytes,
    sizeCalculation: ({ url }) => url.length,
  });

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** Bytes of pixels that writing it will hold; none where that is done. @throws as `LoadedImage.size` */
  async pixelBytes(input: ImageInput, maxPixels: number, signal: AbortSignal | undefined): Promise<number> {
    const image = LoadedImage.of(input);
    const options = { ...this.#options.limits, ...(signal && { signal }) };
    if (this.#written.has(keyOf(await image.fileDigest(options), maxPixels))) return 0;
    const { width, height } = await image.size(options);
    return 3 * width * height;
  }

  /** @throws as `decodeImage`, `aborted` */
  async write(input: ImageInput, maxPixels: number, signal: AbortSignal | undefined): Promise<OutgoingImage> {
    const image = LoadedImage.of(input);
    const options = { ...this.#options.limits, ...(signal && { signal }) };
    const key = keyOf(await image.fileDigest(options), maxPixels);
    const known = this.#written.get(key);
    if (known) return known;
    const written = await this.#write(image, maxPixels, options);
    this.#written.set(key, written);
    return written;
  }

  async #write(loaded: LoadedImage, maxPixels: number, options: LoadOptions): Promise<OutgoingImage> {
    const read = await loaded.read(options);
    const wasLossy = !isRgbImage(read) && lossyFormats.includes(sniffFormat(read.bytes, read.source));
    const { image, digest } = await loaded.decoded(this.#options.decode, options);
    const sent = { width: image.width, height: image.height };
    const shown = sizeWithin(sent, maxPixels);
    let isLossy = wasLossy;
    let bytes = await encodeSized(image, shown, isLossy);
    if (!isLossy && bytes.length > maxPngBytes) {
      isLossy = true;
      bytes = await encodeSized(image, shown, isLossy);
    }
    const type = isLossy ? "jpeg" : "png";
    const url = `data:image/${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64")}`;
    return { digest, uuid: this.#uuid(digest, shown, type), url, sent, shown };
  }

  #uuid(digest: string, { width, height }: ImageSizes, type: string): string {
    const named = `${digest} ${width}x${height} ${type} ${this.#options.modelDigest}`;
    return createHash("sha256").update(named).digest("hex");
  }
}

function keyOf(fileDigest: string, maxPixels: number): string {
  return `${fileDigest} ${maxPixels}`;
}

/** The same shape, at most so many pixels. */
export function sizeWithin({ width, height }: ImageSizes, maxPixels: number): ImageSizes {
  if (width * height <= maxPixels) return { width, height };
  const scale = Math.sqrt(maxPixels / (width * height));
  const [w, h] = [Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale))];
  return { width: Math.min(w, maxPixels), height: Math.min(h, maxPixels) };
}

/** What OpenAI's API shows a model at low detail. */
const lowPixels = 512 * 512;

/** @throws `unsupported` for bounds that only a model of this process knows, `invalid_request` */
export function budgetOf(
  budget: {
    readonly minPixels?: number | undefined;
    readonly maxPixels?: number | undefined;
    readonly imageTokens?: number | undefined;
    readonly detail?: "low" | "high" | undefined;
  },
  most: number,
): number {
  for (const field of ["minPixels", "imageTokens"] as const) {
    if (budget[field] === undefined) continue;
    const message = `${field}: an engine elsewhere sizes images itself; only maxPixels is kept here`;
    throw new OcellusError("unsupported", message, { details: { field } });
  }
  const { maxPixels = most, detail } = budget;
  if (!Number.isInteger(maxPixels) || maxPixels < 1 || maxPixels > most) {
    const message = `maxPixels: expected a whole number of pixels from 1 to ${most}, found ${JSON.stringify(maxPixels)}`;
    throw new OcellusError("invalid_request", message, {
      details: { field: "maxPixels", least: 1, most, found: maxPixels },
    });
  }
  return detail === "low" ? Math.min(maxPixels, lowPixels) : maxPixels;
}
