/** Images whose bytes are here and whose pixels are not: what a prompt costs is known from their headers. */

import type { ImageGrid, ImageProcessor } from "../spec/index.js";
import { bmpSize, checkSize, isRgbImage, numPatches, type RgbImage, sniffFormat } from "../spec/index.js";
import { loadSharp } from "./decode.js";
import type { ImageFile } from "./read-input.js";

export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** How the rows are to be turned, as EXIF says it: 1 to 8. Absent: they are not. */
  readonly orientation?: number | undefined;
}

/**
 * As it is stored: which side is up makes no difference to how many pixels there are.
 * @throws as `decodeImage`; an Error of libvips for a damaged header.
 */
export async function imageSize(source: ImageFile | RgbImage): Promise<ImageSize> {
  const { width, height, orientation = 1 }: ImageSize = isRgbImage(source) ? source : await headerSize(source);
  checkSize("an image", width, height, Number.POSITIVE_INFINITY);
  return { width, height, ...(orientation !== 1 && { orientation }) };
}

async function headerSize({ bytes, source }: ImageFile): Promise<ImageSize> {
  if (sniffFormat(bytes, source) === "bmp") return bmpSize(bytes, source);
  const open = await loadSharp();
  return open(bytes, { limitInputPixels: false }).metadata();
}

/** What the pixel values of an image of this grid take. */
export function preparedBytes(grid: ImageGrid, imageProcessor: ImageProcessor): number {
  const frames = imageProcessor.kind === "smart_resize" ? imageProcessor.temporalPatchSize : 1;
  return numPatches(grid, imageProcessor) * 3 * frames * imageProcessor.patchSize ** 2 * Float32Array.BYTES_PER_ELEMENT;
}
