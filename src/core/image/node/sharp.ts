/**
 * Images under Node: libvips (through sharp) decodes them. Imported, it says so to all that is built on images; the digests of
 * their bytes are computed by Node.
 */
import { createHash } from "node:crypto";
import type { OutputInfo } from "sharp";
import { invariant, optionalPackage, useSha256 } from "../../base/index.js";
import { type DecodeLimits, type ImageFile, useImagePlatform } from "../loaded/index.js";
import { checkRgbImage, checkSize, type ImageFormat, jpegLumaSteps, type RgbImage } from "../spec/index.js";
import { filePath, readPath } from "./read-path.js";

useSha256((parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
});

useImagePlatform({
  readPath: (path, options) => readPath(/^file:/i.test(path) ? filePath(path) : path, options),
  redirect: "manual",
  bytesOfBase64: (text) => Buffer.from(text, "base64"),
  decode: decodeWithSharp,
  size: async ({ bytes }) => (await loadSharp())(bytes, { limitInputPixels: false }).metadata(),
});

/** Refuses what is cut short or broken, and lives with oddities that every viewer shows (stray bytes, bad metadata). */
const failOn = "error";

async function decodeWithSharp(
  { bytes, source }: ImageFile,
  _format: ImageFormat,
  { maxPixels, maxMs }: DecodeLimits,
): Promise<RgbImage> {
  const open = await loadSharp();
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
