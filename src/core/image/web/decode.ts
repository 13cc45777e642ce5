/**
 * Images in a browser: its own decoder gives pixels that are turned upright, in sRGB where the file has a colour profile, as stored where it has none
 * (a browser would also follow other hints, which libvips does not), over white. Imported, it says so to all that is built on images.
 */
import { invariant } from "../../base/index.js";
import { type DecodeLimits, type ImageFile, type ImageSize, readInput, useImagePlatform } from "../loaded/index.js";
import { checkRgbImage, checkSize, type ImageFormat, type RgbImage } from "../spec/index.js";
import { type Bitmap, browser } from "./browser.js";
import { headerSize } from "./header.js";

useImagePlatform({
  // a path is one below the page, as it is for the page's own images
  readPath: (path, options) => readInput(new URL(path, browser.location.href), options),
  redirect: "follow",
  bytesOfBase64: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  decode,
  size,
});

async function decode(file: ImageFile, format: ImageFormat, { maxPixels }: DecodeLimits): Promise<RgbImage> {
  const known = headerSize(file.bytes);
  if (known) checkSize(file.source, known.width, known.height, maxPixels); // before memory is taken
  const bitmap = await bitmapOf(file, format);
  try {
    checkSize(file.source, bitmap.width, bitmap.height, maxPixels);
    const image = pixelsOf(bitmap);
    checkRgbImage(image);
    return image;
  } finally {
    bitmap.close();
  }
}

async function size(file: ImageFile): Promise<ImageSize> {
  const known = headerSize(file.bytes);
  if (known) return known;
  const bitmap = await bitmapOf(file, undefined);
  const { width, height } = bitmap; // upright already
  bitmap.close();
  return { width, height };
}

function bitmapOf({ bytes }: ImageFile, format: ImageFormat | undefined): Promise<Bitmap> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], format && { type: `image/${format}` });
  return browser.createImageBitmap(blob, {
    imageOrientation: "from-image",
    premultiplyAlpha: "default",
    colorSpaceConversion: hasProfile(bytes) ? "default" : "none",
  });
}

function pixelsOf(bitmap: Bitmap): RgbImage {
  const { width, height } = bitmap;
  const context = new browser.OffscreenCanvas(width, height).getContext("2d", {
    willReadFrequently: true, // in memory, not on the GPU
    alpha: true,
  });
  invariant(context, "a canvas of a size that was checked can be drawn on");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { width, height, data };
}

/** Profiles stand before the pixels: JPEG's in segments of 64 KiB, the others' in a chunk near the start. */
const searchedBytes = 2 ** 16;
const profileMarks = ["ICC_PROFILE\0", "iCCP", "ICCP", "colrprof", "colrrICC"];

function hasProfile(bytes: Uint8Array): boolean {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, searchedBytes));
  return profileMarks.some((mark) => start.includes(mark));
}
