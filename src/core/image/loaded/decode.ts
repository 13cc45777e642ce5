/**
 * Any picture file → 8-bit sRGB pixels, as a person would see them: turned by EXIF orientation, embedded colour profiles
 * applied (CMYK and wide gamuts too), transparency over white, the first frame of an animation, 16 bits reduced to 8.
 * The pixel limit is checked against the header, before memory is taken. The platform does the decoding.
 */
import { OcellusError, throwIfAborted } from "../../base/index.js";
import { checkRgbImage, decodeBmp, isRgbImage, type RgbImage, sniffFormat } from "../spec/index.js";
import { pixelDigest } from "./pixel-digest.js";
import { type ImageFile, imagePlatform } from "./platform.js";
import { defaultMaxBytes, type GivenImage, readInput } from "./read-input.js";

export interface DecodeOptions {
  /** Default 100 million (300 MB decoded): twice the largest phone sensor in common use. */
  readonly maxPixels?: number;
  /** Of the file. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Of the decoder's own work, in whole seconds; what it has begun then is given up. Default: no limit. */
  readonly maxMs?: number;
  readonly signal?: AbortSignal;
  /** For http(s) addresses; default the global one. */
  readonly fetch?: typeof fetch;
}

export type ImageLimits = Pick<DecodeOptions, "maxBytes" | "maxPixels" | "maxMs">;

/**
 * Reads and decodes JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP.
 * @throws `invalid_image` (damaged, truncated, or something else than a picture, named), `too_large`, `not_found`, `io`,
 * `invalid_request`, `unsupported`, `aborted`.
 */
export async function decodeImage(input: GivenImage | ImageFile, options: DecodeOptions = {}): Promise<RgbImage> {
  const { maxPixels = 100e6, maxBytes = defaultMaxBytes, maxMs = 0, signal } = options;
  if (isRgbImage(input)) {
    checkRgbImage(input, maxPixels);
    return { width: input.width, height: input.height, data: input.data }; // pixels may have been changed since a file told them
  }
  const file = await readInput(input, { maxBytes, signal, fetch: options.fetch ?? fetch });
  throwIfAborted(signal);
  const format = sniffFormat(file.bytes, file.source);
  if (format === "bmp") return decodeBmp(file.bytes, file.source, maxPixels);
  try {
    return await imagePlatform().decode(file, format, { maxPixels, maxMs });
  } catch (error) {
    if (error instanceof OcellusError) throw error;
    throw new OcellusError(
      "invalid_image",
      `${file.source}: the ${format.toUpperCase()} cannot be decoded, it is truncated or damaged: ${reasonOf(error)}`,
      { details: { format }, cause: error },
    );
  }
}

/** A picture and the key of anything cached about it. */
export interface DecodedImage {
  readonly image: RgbImage;
  /** SHA-256 of its pixels. */
  readonly digest: string;
}

/** `decodeAndDigest`, wherever it runs. */
export type DecodeImage = (
  input: GivenImage | ImageFile,
  options?: Pick<DecodeOptions, "signal">,
) => Promise<DecodedImage>;

/** What is decoded already is only checked. @throws as `decodeImage`. */
export async function decodeAndDigest(
  input: GivenImage | ImageFile | DecodedImage,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  if (isDecoded(input)) {
    checkRgbImage(input.image, options.maxPixels);
    return input;
  }
  const image = await decodeImage(input, options);
  return { image, digest: pixelDigest(image) };
}

function isDecoded(input: unknown): input is DecodedImage {
  return typeof input === "object" && input !== null && "image" in input && "digest" in input;
}

/** A decoder may repeat itself over several lines; the first says it. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.trimEnd().replace(/:$/, "");
}
