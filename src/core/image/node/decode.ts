/**
 * Any picture file → 8-bit sRGB pixels, as a person would see them: turned by EXIF orientation, embedded colour profiles
 * applied (CMYK and wide gamuts too), transparency over white, the first frame of an animation, 16 bits reduced to 8.
 * The pixel limit is checked against the header, before memory is taken. libvips (through sharp) does the decoding.
 */
import type { OutputInfo } from "sharp";
import { invariant, OcellusError, optionalPackage, throwIfAborted } from "../../base/index.js";
import {
  checkRgbImage,
  checkSize,
  decodeBmp,
  isRgbImage,
  jpegLumaSteps,
  type RgbImage,
  sniffFormat,
} from "../spec/index.js";
import { pixelDigest } from "./pixel-digest.js";
import { defaultMaxBytes, type GivenImage, type ImageFile, readInput } from "./read-input.js";

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
  return decodeWithSharp(file, format, { maxPixels, maxMs });
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

/** Refuses what is cut short or broken, and lives with oddities that every viewer shows (stray bytes, bad metadata). */
const failOn = "error";

async function decodeWithSharp(
  { bytes, source }: ImageFile,
  format: string,
  { maxPixels, maxMs }: Required<Pick<DecodeOptions, "maxPixels" | "maxMs">>,
): Promise<RgbImage> {
  const open = await loadSharp();
  try {
    const {
      width,
      height,
      orientation = 1,
      hasProfile,
    } = await open(bytes, { failOn, limitInputPixels: false }).metadata();
    checkSize(source, width, height, maxPixels);
    const { data, info } = await open(bytes, { failOn, limitInputPixels: maxPixels })
      .timeout({ seconds: Math.ceil(maxMs / 1000) }) // 0: none
      .autoOrient()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const image = overWhite(data, info);
    checkRgbImage(image);
    return orientation === 1 && !hasProfile ? { ...image, lumaSteps: jpegLumaSteps(bytes) } : image;
  } catch (error) {
    if (error instanceof OcellusError) throw error;
    throw new OcellusError(
      "invalid_image",
      `${source}: the ${format.toUpperCase()} cannot be decoded, it is truncated or damaged: ${reasonOf(error)}`,
      { details: { format }, cause: error },
    );
  }
}

/** Rounded to nearest, as Pillow does; libvips's own flatten truncates, which resizing then makes visible. */
function overWhite(data: Uint8Array, info: OutputInfo): RgbImage {
  const { width, height, channels } = info;
  if (channels === 3) return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  invariant(channels === 4, `libvips gave ${channels} channels for sRGB`);
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const alpha = data[from + 3]!;
    for (let c = 0; c < 3; c++) rgb[to + c] = 255 - Math.round(((255 - data[from + c]!) * alpha) / 255);
  }
  return { width, height, data: rgb };
}

/** Loaded on first use: reading a config must not cost loading a native library, nor fail where it is missing. */
export async function loadSharp(): Promise<typeof import("sharp")["default"]> {
  const remedy = { install: "npm install --include=optional sharp", instead: "pixels as { width, height, data }" };
  return (await optionalPackage("sharp", "an image file", () => import("sharp"), remedy)).default;
}

/** libvips repeats itself over several lines; the first says it. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.trimEnd().replace(/:$/, "");
}
