/** The other way round: from pixel values back to the picture that the vision tower is shown, in its size and to the nearest 1/255. */

import type { ImageProcessor } from "./image-processor.js";
import type { ImageGrid, PixelValues } from "./pixel-values.js";
import type { RgbImage } from "./rgb-image.js";
import { viewsOf } from "./slices.js";
import { patchesPerSide } from "./tiles.js";

/** What `preprocess` fitted, its margins included; of tiles or slices what is seen of them, without the whole beside them. */
export function pixelsToImage({ data, shape, grid }: PixelValues, imageProcessor: ImageProcessor): RgbImage {
  const { patchSize: p, mean, std } = imageProcessor;
  const part = partOf(grid, imageProcessor);
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

/** The patches of a tile or of a slice, where an image is cut into them. */
function partOf(grid: ImageGrid, imageProcessor: ImageProcessor): Part | undefined {
  if (imageProcessor.kind === "tiles")
    return { rows: patchesPerSide(imageProcessor), columns: patchesPerSide(imageProcessor) };
  return grid.slices && viewsOf(grid)[1];
}

interface Part {
  readonly rows: number;
  readonly columns: number;
}

/** Part by part, parts and the patches of each in raster order. */
function placeInParts(patch: number, columns: number, part: Part): [row: number, column: number] {
  const size = part.rows * part.columns;
  const [index, within] = [Math.floor(patch / size), patch % size];
  const perRow = columns / part.columns;
  const row = Math.floor(index / perRow) * part.rows + Math.floor(within / part.columns);
  return [row, (index % perRow) * part.columns + (within % part.columns)];
}
