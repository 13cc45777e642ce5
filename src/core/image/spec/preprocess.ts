/**
 * RGB picture → the rows a vision tower reads. Decoding is decode.ts, the arithmetic of scaling resize.ts.
 *
 *   picture ─ resize to fit ─ centre in width × height ─ (x/255 - mean)/std ─ patches in raster order
 */
import { invariant } from "../../base/index.js";
import type { ImageGrid, PixelValues } from "./pixel-values.js";
import type {
  CenterCropRecipe,
  FitRecipe,
  ImageRecipe,
  Sides,
  SlicesRecipe,
  SmartResizeRecipe,
  StretchRecipe,
  TilesRecipe,
  VideoRecipe,
} from "./recipe.js";
import { resize, resizeColumnsFirst, resizedWindow } from "./resize.js";
import { checkRgbImage, type RgbImage } from "./rgb-image.js";
import { sliceSizes, slicesGrid } from "./slices.js";
import { refuseStrip, smartSize } from "./smart-size.js";
import { patchesPerSide, tileSizes } from "./tiles.js";

/** @throws `invalid_image`, `too_large` when the image is not a well-formed RGB picture. */
export function preprocess(image: RgbImage, recipe: ImageRecipe): PixelValues {
  checkRgbImage(image);
  switch (recipe.kind) {
    case "fit":
      return fit(image, recipe);
    case "smart_resize":
      return smartResize(image, recipe);
    case "stretch":
      if (recipe.resample === "align_corners") return alignedPatches(image, recipe);
      return wholePatches(shown(image, recipe), recipe);
    case "center_crop":
      return wholePatches(shown(image, recipe), recipe);
    case "tiles":
      return tilePatches(image, recipe);
    case "slices":
      return slicePatches(image, recipe);
    default:
      return recipe satisfies never;
  }
}

/** What of a picture a model is shown, as it is shown it: cut and scaled, in 8 bits, before bytes become numbers. */
export function shown(image: RgbImage, recipe: ImageRecipe): RgbImage {
  checkRgbImage(image);
  switch (recipe.kind) {
    case "fit": {
      const { width, height } = fitBox(image, recipe);
      return resize(image, width, height);
    }
    case "smart_resize": {
      const { width, height } = smartSize(image, recipe);
      return resizeColumnsFirst(image, width, height, recipe.resample);
    }
    case "center_crop":
      return centerCrop(image, recipe);
    case "stretch":
      return resizeColumnsFirst(
        image,
        recipe.width,
        recipe.height,
        recipe.resample === "align_corners" ? "bilinear" : recipe.resample,
      );
    case "tiles":
      return tiled(image, recipe);
    case "slices":
      return sliced(image, recipe);
    default:
      return recipe satisfies never;
  }
}

/** TensorFlow's resizeBilinear with align_corners, of bytes as numbers. */
function alignedPatches(image: RgbImage, recipe: StretchRecipe): PixelValues {
  const { width, height, patchSize, mean, std } = recipe;
  invariant(width === patchSize && height === patchSize, "what is aligned is one patch");
  const data = new Float32Array(3 * width * height);
  const at = (x: number, y: number, c: number) => image.data[(y * image.width + x) * 3 + c]! / 255;
  for (let y = 0; y < height; y++) {
    const fromY = (y * (image.height - 1)) / (height - 1);
    const [top, bottom] = [Math.floor(fromY), Math.min(image.height - 1, Math.ceil(fromY))];
    for (let x = 0; x < width; x++) {
      const fromX = (x * (image.width - 1)) / (width - 1);
      const [left, right] = [Math.floor(fromX), Math.min(image.width - 1, Math.ceil(fromX))];
      for (let c = 0; c < 3; c++) {
        const above = at(left, top, c) + (at(right, top, c) - at(left, top, c)) * (fromX - left);
        const below = at(left, bottom, c) + (at(right, bottom, c) - at(left, bottom, c)) * (fromX - left);
        data[(c * height + y) * width + x] = (above + (below - above) * (fromY - top) - mean[c]!) / std[c]!;
      }
    }
  }
  return { data, shape: [1, data.length], grid: { rows: 1, columns: 1 } };
}

function fit(image: RgbImage, recipe: FitRecipe): PixelValues {
  const { left, top } = fitBox(image, recipe);
  return squarePatches(shown(image, recipe), { left, top }, recipe, recipe);
}

/**
 * The reference's integers: the longer edge is cut off, not rounded; of an odd margin the smaller half is left or above.
 * What is cut away is not made: of a strip it would be 200 times the rest.
 */
function centerCrop(image: RgbImage, { side, resize, resample }: CenterCropRecipe): RgbImage {
  refuseStrip(image);
  const { width, height } = "width" in resize ? resize : withShortestEdge(image, resize.shortestEdge);
  const margin = (edge: number) => Math.floor((edge - side) / 2);
  const window = { left: margin(width), top: margin(height), width: side, height: side };
  return resizedWindow(image, width, height, window, resample);
}

function withShortestEdge({ width, height }: RgbImage, edge: number) {
  const scaled = (other: number) => Math.trunc((edge * other) / Math.min(width, height));
  return { width: scaled(width), height: scaled(height) };
}

/** Resized to whole tiles, in the reference's two steps; or to one tile. */
function tiled(image: RgbImage, recipe: TilesRecipe): RgbImage {
  const { scaled, tiled } = tileSizes(image, recipe);
  const first = resizeColumnsFirst(image, scaled.width, scaled.height, recipe.resample);
  return resizeColumnsFirst(first, tiled.width, tiled.height, recipe.resample);
}

function tilePatches(image: RgbImage, recipe: TilesRecipe): PixelValues {
  const { side, patchSize, resample } = recipe;
  const content = tiled(image, recipe);
  const [tileRows, tileColumns] = [content.height / side, content.width / side];
  const perSide = patchesPerSide(recipe);
  const frame = { width: perSide * patchSize, height: perSide * patchSize };
  const tiles = cutPatches(content, { width: side, height: side }, frame, recipe);
  if (tiles.length > 1) {
    const whole = resizeColumnsFirst(content, side, side, resample);
    tiles.push(squarePatches(whole, { left: 0, top: 0 }, frame, recipe).data);
  }
  return joined(tiles, recipe, { rows: tileRows * perSide, columns: tileColumns * perSide });
}

/** The most detailed view of an image: its slices side by side, or the overview where it is not cut. */
function sliced(image: RgbImage, recipe: SlicesRecipe): RgbImage {
  const { overview, slices } = sliceSizes(image, recipe);
  const { width, height } = slices
    ? { width: slices.columns * slices.width, height: slices.rows * slices.height }
    : overview;
  return resizeColumnsFirst(image, width, height, recipe.resample);
}

function slicePatches(image: RgbImage, recipe: SlicesRecipe): PixelValues {
  const { overview, slices } = sliceSizes(image, recipe);
  const whole = resizeColumnsFirst(image, overview.width, overview.height, recipe.resample);
  const views = [squarePatches(whole, { left: 0, top: 0 }, overview, recipe).data];
  if (slices) views.push(...cutPatches(sliced(image, recipe), slices, slices, recipe));
  return joined(views, recipe, slicesGrid(image, recipe));
}

/** Patches of each part of `content`, parts of one size in raster order; of each what is in `frame`. */
function cutPatches(content: RgbImage, part: Sides, frame: Sides, recipe: TilesRecipe | SlicesRecipe): Float32Array[] {
  const columns = content.width / part.width;
  return Array.from({ length: columns * (content.height / part.height) }, (_, i) => {
    const offset = { left: -part.width * (i % columns), top: -part.height * Math.floor(i / columns) };
    return squarePatches(content, offset, frame, recipe).data;
  });
}

function joined(views: readonly Float32Array[], { patchSize }: ImageRecipe, grid: ImageGrid): PixelValues {
  const data = new Float32Array(views.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const view of views) {
    data.set(view, at);
    at += view.length;
  }
  const patchValues = 3 * patchSize * patchSize;
  return { data, shape: [data.length / patchValues, patchValues], grid };
}

function wholePatches(content: RgbImage, recipe: CenterCropRecipe | StretchRecipe): PixelValues {
  return squarePatches(content, { left: 0, top: 0 }, content, recipe);
}

/** Patches of a frame with `content` at (left, top) in it: what lies outside the frame is cut off, what is empty stays 0. */
function squarePatches(
  content: RgbImage,
  { left, top }: { readonly left: number; readonly top: number },
  frame: Sides,
  recipe: FitRecipe | CenterCropRecipe | StretchRecipe | TilesRecipe | SlicesRecipe,
): PixelValues {
  const { patchSize } = recipe;
  const { width, height } = frame;
  invariant(width % patchSize === 0 && height % patchSize === 0, "an image recipe holds whole patches");
  const grid = { rows: height / patchSize, columns: width / patchSize };
  const patchValues = 3 * patchSize * patchSize;
  const data = new Float32Array(grid.rows * grid.columns * patchValues);
  const tables = normalisationTables(recipe);
  for (let y = Math.max(0, -top); y < Math.min(content.height, height - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(content.width, width - left); x++) {
      const [row, column] = [top + y, left + x];
      const patch = Math.floor(row / patchSize) * grid.columns + Math.floor(column / patchSize);
      const to = patch * patchValues + (row % patchSize) * patchSize + (column % patchSize);
      const from = (y * content.width + x) * 3;
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

/** Where the picture is in the recipe's frame: halves of a pixel round up, an odd pixel of padding goes right or below. */
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
function normalisationTables({ mean, std }: ImageRecipe | VideoRecipe): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}

/** A still picture is a video in which nothing moves. Its reference resizes with torchvision, hence the order. */
function smartResize(image: RgbImage, recipe: SmartResizeRecipe): PixelValues {
  const fitted = shown(image, recipe);
  const values = mergedPatches(new Array<RgbImage>(recipe.temporalPatchSize).fill(fitted), recipe);
  const isLarger = image.width * image.height > mostOwnPixels * fitted.width * fitted.height;
  return isLarger ? values : { ...values, own: image };
}

/** To one of the frame: a picture is rounded to whole patches, by less than half of it where it has more than one. */
const mostOwnPixels = 1.5;

/**
 * Frames of one size in whole blocks, as many as a patch is deep → rows of patches in merge order (blocks of merge × merge,
 * raster within); columns channel, frame, y, x.
 */
export function mergedPatches(frames: readonly RgbImage[], recipe: SmartResizeRecipe | VideoRecipe): PixelValues {
  const { patchSize: p, mergeSize: m, temporalPatchSize: depth } = recipe;
  const { width, height } = frames[0]!;
  invariant(frames.length === depth && width % (p * m) === 0 && height % (p * m) === 0, "frames come fitted");
  const grid = { rows: height / p, columns: width / p };
  const patchValues = 3 * depth * p * p;
  const data = new Float32Array(grid.rows * grid.columns * patchValues);
  const tables = normalisationTables(recipe);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / p), Math.floor(x / p)];
      const block = Math.floor(row / m) * (grid.columns / m) + Math.floor(column / m);
      const patch = block * m * m + (row % m) * m + (column % m);
      const to = patch * patchValues + (y % p) * p + (x % p);
      const from = (y * width + x) * 3;
      for (let c = 0; c < 3; c++)
        for (let t = 0; t < depth; t++) data[to + (c * depth + t) * p * p] = tables[c]![frames[t]!.data[from + c]!]!;
    }
  }
  return { data, shape: [grid.rows * grid.columns, patchValues], grid };
}
