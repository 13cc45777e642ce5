/** The other way round: from pixel values back to the picture that the vision tower is shown, in its size and to the nearest 1/255. */

import type { ImageProcessor } from "./image-processor.js";
import { cutOf, placeInParts } from "./parts.js";
import type { PixelValues } from "./pixel-values.js";
import type { RgbImage } from "./rgb-image.js";

/** What `preprocess` fitted, its margins included; of tiles or slices what is seen of them, without the whole beside them. */
export function pixelsToImage({ data, shape, grid }: PixelValues, imageProcessor: ImageProcessor): RgbImage {
  const { patchSize: p, mean, std } = imageProcessor;
  const part = cutOf(grid, imageProcessor)?.part;
  const before = grid.slices ? [grid.slices.overview] : (grid.quarters ?? []);
  const first = before.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const merge = imageProcessor.kind === "smart_resize" ? imageProcessor.mergeSize : 1;
  const depth = imageProcessor.kind === "smart_resize" ? imageProcessor.temporalPatchSize : 1;
  const width = grid.columns * p;
  const out = new Uint8Array(width * grid.rows * p * 3);
  for (let patch = 0; patch < grid.rows * grid.columns; patch++) {
    const [row, column] = part ? placeInParts(patch, grid.columns, part) : placeOf(patch, grid.columns, merge);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < p * p; i++) {
        const value = data[(first + patch) * shape[1] + c * depth * p * p + i]!; // of a still picture's equal frames the first
        const at = (row * p + Math.floor(i / p)) * width + column * p + (i % p);
        out[at * 3 + c] = Math.round(255 * (value * std[c]! + mean[c]!));
      }
  }
  return { width, height: grid.rows * p, data: out };
}

/** Patches come in blocks of merge × merge, blocks and patches in raster order. */
function placeOf(patch: number, columns: number, merge: number): [row: number, column: number] {
  const block = Math.floor(patch / (merge * merge));
  const within = patch % (merge * merge);
  const perRow = columns / merge;
  return [Math.floor(block / perRow) * merge + Math.floor(within / merge), (block % perRow) * merge + (within % merge)];
}
