/** Images whose bytes are here and whose pixels are not: what a prompt costs is known from their headers. */

import type { ImageGrid, ImageProcessor } from "../spec/index.js";
import { bmpSize, checkSize, isRgbImage, numPatches, type RgbImage, sniffFormat } from "../spec/index.js";
import { type ImageFile, type ImageSize, imagePlatform } from "./platform.js";

/**
 * As it is stored: which side is up makes no difference to how many pixels there are.
 * @throws as `decodeImage`; an Error of the decoder for a damaged header.
 */
export async function imageSize(source: ImageFile | RgbImage): Promise<ImageSize> {
  const { width, height, orientation = 1 }: ImageSize = isRgbImage(source) ? source : await headerSize(source);
  checkSize("an image", width, height, Number.POSITIVE_INFINITY);
  return { width, height, ...(orientation !== 1 && { orientation }) };
}

async function headerSize(file: ImageFile): Promise<ImageSize> {
  const { bytes, source } = file;
  return sniffFormat(bytes, source) === "bmp" ? bmpSize(bytes, source) : imagePlatform().size(file);
}

/** What the pixel values of an image of this grid take. */
export function preparedBytes(grid: ImageGrid, imageProcessor: ImageProcessor): number {
  const frames = imageProcessor.kind === "smart_resize" ? imageProcessor.temporalPatchSize : 1;
  return numPatches(grid, imageProcessor) * 3 * frames * imageProcessor.patchSize ** 2 * Float32Array.BYTES_PER_ELEMENT;
}
