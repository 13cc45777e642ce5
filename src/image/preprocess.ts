/**
 * RGB picture → the rows a vision tower reads. Decoding is decode.ts, the arithmetic of scaling resize.ts.
 *
 *   picture ─ resize to fit ─ centre in width × height ─ (x/255 - mean)/std ─ patches in raster order
 */
import { invariant, OcellusError } from "../base/index.js";
import type { FitRecipe, ImageRecipe, SmartResizeRecipe } from "./recipe.js";
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
    case "smart_resize":
      return smartResize(image, recipe);
    default:
      return recipe satisfies never;
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
function normalisationTables({ mean, std }: ImageRecipe): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}

/** Longer by more than this is refused by the reference, too. */
const maxAspect = 200;

/**
 * Width and height in whole blocks (patch · merge), near the picture's own size and within the pixel budget.
 * Ties round to even, as Python's round does. @throws `invalid_image` for a strip longer than 200 times its width.
 */
export function smartSize(
  image: { readonly width: number; readonly height: number },
  recipe: Pick<SmartResizeRecipe, "patchSize" | "mergeSize" | "minPixels" | "maxPixels">,
): { width: number; height: number } {
  const { width, height } = image;
  if (Math.max(width, height) / Math.min(width, height) > maxAspect) {
    throw new OcellusError(
      "invalid_image",
      `a picture of ${width} by ${height} is a strip: at most ${maxAspect} to 1 is accepted; crop it`,
    );
  }
  const block = recipe.patchSize * recipe.mergeSize;
  const whole = (side: number, round: (x: number) => number) => round(side / block) * block;
  const rounded = { width: whole(width, roundHalfToEven), height: whole(height, roundHalfToEven) };
  const numPixels = rounded.width * rounded.height;
  if (numPixels > recipe.maxPixels) {
    const shrink = Math.sqrt((width * height) / recipe.maxPixels);
    const floor = (side: number) => Math.max(block, whole(side / shrink, Math.floor));
    return { width: floor(width), height: floor(height) };
  }
  if (numPixels < recipe.minPixels) {
    const grow = Math.sqrt(recipe.minPixels / (width * height));
    return { width: whole(width * grow, Math.ceil), height: whole(height * grow, Math.ceil) };
  }
  return rounded;
}

function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}

/** Rows of patches in merge order (blocks of merge × merge, raster within); columns channel, frame, y, x. */
function smartResize(image: RgbImage, recipe: SmartResizeRecipe): PixelValues {
  const { patchSize: p, mergeSize: m, temporalPatchSize: frames } = recipe;
  const { width, height } = smartSize(image, recipe);
  const { data: pixels } = resize(image, width, height);
  const grid = { rows: height / p, columns: width / p };
  const patchValues = 3 * frames * p * p;
  const data = new Float32Array(grid.rows * grid.columns * patchValues);
  const tables = normalisationTables(recipe);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / p), Math.floor(x / p)];
      const block = Math.floor(row / m) * (grid.columns / m) + Math.floor(column / m);
      const patch = block * m * m + (row % m) * m + (column % m);
      const to = patch * patchValues + (y % p) * p + (x % p);
      for (let c = 0; c < 3; c++) {
        const value = tables[c]![pixels[(y * width + x) * 3 + c]!]!;
        for (let t = 0; t < frames; t++) data[to + (c * frames + t) * p * p] = value;
      }
    }
  }
  return { data, shape: [grid.rows * grid.columns, patchValues], grid };
}
