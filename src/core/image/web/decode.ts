/**
 * Images in a browser: its own decoder gives pixels that are turned upright, in sRGB where the file has a colour profile, as stored where it has none
 * (a browser would also follow other hints, which libvips does not), over white. Imported, it says so to all that is built on images.
 */
import { OcellusError, throwIfAborted } from "../../base/index.js";
import {
  type DecodeLimits,
  type ImageFile,
  type ImageSize,
  type ReadOptions,
  readInput,
  shownInput,
  useImagePlatform,
} from "../loaded/index.js";
import { checkRgbImage, checkSize, type RgbImage, sniffFormat } from "../spec/index.js";
import { type Bitmap, browser, type Context } from "./browser.js";
import { headerSize } from "./header.js";

useImagePlatform({
  readPath,
  redirect: "follow",
  bytesOfBase64: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  decode,
  size,
});

/** A path is one below the page, as it is for the page's own images; an object URL is what pages make of a file. */
async function readPath(path: string, options: ReadOptions): Promise<ImageFile> {
  const { href } = browser.location;
  const url = URL.canParse(path, href) ? new URL(path, href) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return readInput(url, options);
  if (url?.protocol === "blob:") return readInput(await blobAt(url, options), options);
  const found = shownInput(path);
  throw new OcellusError(
    "invalid_request",
    `${found}: a page reads images at an http(s):, data: or blob: URL, or at a path below its own`,
    { details: { found, supported: ["http", "https", "data", "blob"] } },
  );
}

async function blobAt(url: URL, { fetch, signal }: ReadOptions): Promise<Blob> {
  try {
    return await (await fetch(url.href, signal && { signal })).blob();
  } catch (cause) {
    throwIfAborted(signal);
    throw new OcellusError("not_found", `${url.href}: there is no such object; it may have been revoked`, {
      details: { url: url.href },
      cause,
    });
  }
}

async function decode(file: ImageFile, _format: unknown, { maxPixels }: DecodeLimits): Promise<RgbImage> {
  const known = headerSize(file.bytes);
  if (known) checkSize(file.source, known.width, known.height, maxPixels); // before memory is taken
  const bitmap = await bitmapOf(file);
  try {
    checkSize(file.source, bitmap.width, bitmap.height, maxPixels);
    const image = pixelsOf(bitmap, file.source);
    checkRgbImage(image);
    return image;
  } finally {
    bitmap.close();
  }
}

async function size(file: ImageFile): Promise<ImageSize> {
  const known = headerSize(file.bytes);
  if (known) return known;
  const bitmap = await bitmapOf(file);
  const { width, height } = bitmap; // upright already
  bitmap.close();
  return { width, height };
}

function bitmapOf({ bytes, source }: ImageFile): Promise<Bitmap> {
  const format = sniffFormat(bytes, source);
  if (format === "tiff")
    throw new OcellusError("unsupported", `${source}: browsers do not read TIFF; save it as PNG or JPEG`, {
      details: { source, format },
    });
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: `image/${format}` });
  return browser.createImageBitmap(blob, {
    imageOrientation: "from-image",
    premultiplyAlpha: "default",
    colorSpaceConversion: hasProfile(bytes) ? "default" : "none",
  });
}

function pixelsOf(bitmap: Bitmap, source: string): RgbImage {
  const { width, height } = bitmap;
  const context = new browser.OffscreenCanvas(width, height).getContext("2d", {
    willReadFrequently: true, // in memory, not on the GPU
    alpha: true,
  });
  const rgba = context && drawn(bitmap, context);
  if (!rgba)
    throw new OcellusError(
      "too_large",
      `${source}: this browser gives no canvas of ${width}×${height} pixels; send a smaller image`,
      { details: { source, width, height } },
    );
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { width, height, data };
}

/** Over white; undefined where there is no memory for so many pixels. */
function drawn(bitmap: Bitmap, context: Context): Uint8ClampedArray | undefined {
  const { width, height } = bitmap;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  try {
    return context.getImageData(0, 0, width, height).data;
  } catch {
    return undefined;
  }
}

/** Profiles stand before the pixels: JPEG's in segments of 64 KiB, the others' in a chunk near the start. */
const searchedBytes = 2 ** 16;
const profileMarks = ["ICC_PROFILE\0", "iCCP", "ICCP", "colrprof", "colrrICC"];

function hasProfile(bytes: Uint8Array): boolean {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, searchedBytes));
  return profileMarks.some((mark) => start.includes(mark));
}
