/**
 * RGB picture → the rows a vision tower reads. Decoding is decode.ts, the arithmetic of scaling resize.ts.
 *
 *   picture ─ resize to fit ─ centre in width × height ─ (x/255 - mean)/std ─ patches in raster order
 */
import { invariant } from "../base/index.js";
import type { FitRecipe, ImageRecipe } from "./recipe.js";
import { resize } from "./resize.js";
import { checkRgbImage, type RgbImage } from "./rgb-image.js";

/** Patches of a picture. */
export interface ImageGrid {
  readonly rows: number;
  readonly columns: number;
}

export interface PixelValues {
  /** [num_patches, 3·patch·patch]: rows are patches in raster order, columns channel, y, x. */
  readonly data: Float32Array;
  readonly shape: readonly [numPatches: number, patchValues: number];
  readonly grid: ImageGrid;
}

/** @throws `invalid_image`, `too_large` when the image is not a well-formed RGB picture. */
export function preprocess(image: RgbImage, recipe: ImageRecipe): PixelValues {
  checkRgbImage(image);
  switch (recipe.kind) {
    case "fit":
      return fit(image, recipe);
    default:
      return recipe.kind satisfies never;
  }
}

function fit(image: RgbImage, recipe: FitRecipe): PixelValues {
  const { width, height, patchSize } = recipe;
  invariant(width % patchSize === 0 && height % patchSize === 0, "an image recipe holds whole patches");
  const grid = { rows: height / patchSize, columns: width / patchSize };
  const patchValues = 3 * patchSize * patchSize;
  const data = new Float32Array(grid.rows * grid.columns * patchValues); // padding stays 0
  const { left, top, ...size } = fitBox(image, recipe);
  const content = resize(image, size.width, size.height);
  const tables = normalisationTables(recipe);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const [row, column] = [top + y, left + x];
      const patch = Math.floor(row / patchSize) * grid.columns + Math.floor(column / patchSize);
      const to = patch * patchValues + (row % patchSize) * patchSize + (column % patchSize);
      const from = (y * size.width + x) * 3;
      for (let c = 0; c < 3; c++) data[to + c * patchSize * patchSize] = tables[c]![content.data[from + c]!]!;
    }
  }
  return { data, shape: [grid.rows * grid.columns, patchValues], grid };
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where the picture lies in the recipe's frame: halves of a pixel round up, an odd pixel of padding goes right or below. */
export function fitBox(image: { readonly width: number; readonly height: number }, recipe: FitRecipe): Box {
  const scale = Math.min(recipe.width / image.width, recipe.height / image.height);
  const scaled = (side: number) => Math.max(1, Math.floor(side * scale + 0.5));
  const [width, height] = [scaled(image.width), scaled(image.height)];
  return {
    left: Math.floor((recipe.width - width) / 2),
    top: Math.floor((recipe.height - height) / 2),
    width,
    height,
  };
}

/** (x/255 - mean)/std for every byte, per channel. */
function normalisationTables({ mean, std }: FitRecipe): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}
