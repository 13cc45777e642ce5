/**
 * RGB picture → the rows a vision tower reads. Decoding is decode.ts, the arithmetic of scaling resize.ts.
 *
 *   picture ─ resize to fit ─ centre in width × height ─ (x/255 - mean)/std ─ patches in raster order
 */
import { invariant, joinFloats } from "../../base/index.js";
import type {
  CenterCropProcessor,
  FitProcessor,
  ImageProcessor,
  PatchBudgetProcessor,
  QuartersProcessor,
  Sides,
  SlicesProcessor,
  SmartResizeProcessor,
  StretchProcessor,
  TilesProcessor,
  VideoProcessor,
} from "./image-processor.js";
import { patchBudgetSize } from "./patch-budget.js";
import type { ImageGrid, PixelValues } from "./pixel-values.js";
import { cutOut, quartersGrid, viewBoxes, viewSize, withinBudget } from "./quarters.js";
import { resize, resizeColumnsFirst, resizedWindow } from "./resize.js";
import { checkRgbImage, type RgbImage } from "./rgb-image.js";
import { sliceSizes, slicesGrid } from "./slices.js";
import { refuseStrip, smartSize } from "./smart-size.js";
import { patchesPerSide, tileSizes } from "./tiles.js";

/** @throws `invalid_image`, `too_large` when the image is not a well-formed RGB picture. */
export function preprocess(image: RgbImage, imageProcessor: ImageProcessor): PixelValues {
  checkRgbImage(image);
  switch (imageProcessor.kind) {
    case "fit":
      return fit(image, imageProcessor);
    case "smart_resize":
      return smartResize(image, imageProcessor);
    case "stretch":
      if (imageProcessor.resample === "align_corners") return alignedPatches(image, imageProcessor);
      return wholePatches(modelView(image, imageProcessor), imageProcessor);
    case "patch_budget":
    case "center_crop":
      return wholePatches(modelView(image, imageProcessor), imageProcessor);
    case "tiles":
      return tilePatches(image, imageProcessor);
    case "slices":
      return slicePatches(image, imageProcessor);
    case "quarters":
      return quarterPatches(image, imageProcessor);
    default:
      return imageProcessor satisfies never;
  }
}

/** What of a picture a model is shown, as it is shown it: cut and scaled, in 8 bits, before bytes become numbers. */
export function modelView(image: RgbImage, imageProcessor: ImageProcessor): RgbImage {
  checkRgbImage(image);
  switch (imageProcessor.kind) {
    case "fit": {
      const { width, height } = fitBox(image, imageProcessor);
      return resize(image, width, height);
    }
    case "smart_resize": {
      const { width, height } = smartSize(image, imageProcessor);
      return resizeColumnsFirst(image, width, height, imageProcessor.resample);
    }
    case "center_crop":
      return centerCrop(image, imageProcessor);
    case "patch_budget": {
      const { width, height } = patchBudgetSize(image, imageProcessor);
      return resizeColumnsFirst(image, width, height, imageProcessor.resample);
    }
    case "stretch":
      return resizeColumnsFirst(
        image,
        imageProcessor.width,
        imageProcessor.height,
        imageProcessor.resample === "align_corners" ? "bilinear" : imageProcessor.resample,
      );
    case "tiles":
      return tiled(image, imageProcessor);
    case "slices":
      return sliced(image, imageProcessor);
    case "quarters":
      return quarter(image, { ...image, left: 0, top: 0 }, withinBudget(image, imageProcessor));
    default:
      return imageProcessor satisfies never;
  }
}

/** TensorFlow's resizeBilinear with align_corners, of bytes as numbers. */
function alignedPatches(image: RgbImage, imageProcessor: StretchProcessor): PixelValues {
  const { width, height, patchSize, mean, std } = imageProcessor;
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

function fit(image: RgbImage, imageProcessor: FitProcessor): PixelValues {
  const { left, top } = fitBox(image, imageProcessor);
  return squarePatches(modelView(image, imageProcessor), { left, top }, imageProcessor, imageProcessor);
}

/**
 * The reference's integers: the longer edge is cut off, not rounded; of an odd margin the smaller half is left or above.
 * What is cut away is not made: of a strip it would be 200 times the rest.
 */
function centerCrop(image: RgbImage, { side, resize, resample }: CenterCropProcessor): RgbImage {
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
function tiled(image: RgbImage, imageProcessor: TilesProcessor): RgbImage {
  const { scaled, tiled } = tileSizes(image, imageProcessor);
  const first = resizeColumnsFirst(image, scaled.width, scaled.height, imageProcessor.resample);
  return resizeColumnsFirst(first, tiled.width, tiled.height, imageProcessor.resample);
}

function tilePatches(image: RgbImage, imageProcessor: TilesProcessor): PixelValues {
  const { arrangement, side, patchSize, resample } = imageProcessor;
  const content = tiled(image, imageProcessor);
  const [tileRows, tileColumns] = [content.height / side, content.width / side];
  const perSide = patchesPerSide(imageProcessor);
  const frame = { width: perSide * patchSize, height: perSide * patchSize };
  const tiles = cutPatches(content, { width: side, height: side }, frame, imageProcessor);
  if (tiles.length > 1) {
    const whole = resizeColumnsFirst("most" in arrangement ? image : content, side, side, resample);
    tiles.push(squarePatches(whole, { left: 0, top: 0 }, frame, imageProcessor).data);
  }
  return joined(tiles, imageProcessor, { rows: tileRows * perSide, columns: tileColumns * perSide });
}

/** The most detailed view of an image: its slices side by side, or the overview where it is not cut. */
function sliced(image: RgbImage, imageProcessor: SlicesProcessor): RgbImage {
  const { overview, slices } = sliceSizes(image, imageProcessor);
  const { width, height } = slices
    ? { width: slices.columns * slices.width, height: slices.rows * slices.height }
    : overview;
  return resizeColumnsFirst(image, width, height, imageProcessor.resample);
}

function slicePatches(image: RgbImage, imageProcessor: SlicesProcessor): PixelValues {
  const { overview, slices } = sliceSizes(image, imageProcessor);
  const whole = resizeColumnsFirst(image, overview.width, overview.height, imageProcessor.resample);
  const views = [squarePatches(whole, { left: 0, top: 0 }, overview, imageProcessor).data];
  if (slices) views.push(...cutPatches(sliced(image, imageProcessor), slices, slices, imageProcessor));
  return joined(views, imageProcessor, slicesGrid(image, imageProcessor));
}

function quarterPatches(image: RgbImage, given: QuartersProcessor): PixelValues {
  const imageProcessor = withinBudget(image, given);
  const { patchSize } = imageProcessor;
  const whole = (side: number) => Math.floor(side / patchSize) * patchSize;
  const views = viewBoxes(image, imageProcessor).map((box) => {
    const content = quarter(image, box, imageProcessor);
    const frame = { width: whole(content.width), height: whole(content.height) };
    return squarePatches(content, { left: 0, top: 0 }, frame, imageProcessor).data;
  });
  return joined(views, imageProcessor, quartersGrid(image, imageProcessor));
}

function quarter(
  image: RgbImage,
  box: ReturnType<typeof viewBoxes>[number],
  imageProcessor: QuartersProcessor,
): RgbImage {
  const { width, height } = viewSize(box, imageProcessor);
  return resizeColumnsFirst(cutOut(image, box), width, height, imageProcessor.resample);
}

/** Patches of each part of `content`, parts of one size in raster order; of each what is in `frame`. */
function cutPatches(
  content: RgbImage,
  part: Sides,
  frame: Sides,
  imageProcessor: TilesProcessor | SlicesProcessor,
): Float32Array[] {
  const columns = content.width / part.width;
  return Array.from({ length: columns * (content.height / part.height) }, (_, i) => {
    const offset = { left: -part.width * (i % columns), top: -part.height * Math.floor(i / columns) };
    return squarePatches(content, offset, frame, imageProcessor).data;
  });
}

function joined(views: readonly Float32Array[], { patchSize }: ImageProcessor, grid: ImageGrid): PixelValues {
  const data = joinFloats(views);
  const patchValues = 3 * patchSize * patchSize;
  return { data, shape: [data.length / patchValues, patchValues], grid };
}

function wholePatches(
  content: RgbImage,
  imageProcessor: CenterCropProcessor | StretchProcessor | PatchBudgetProcessor,
): PixelValues {
  return squarePatches(content, { left: 0, top: 0 }, content, imageProcessor);
}

/** Patches of a frame with `content` at (left, top) in it: what lies outside the frame is cut off, what is empty stays 0. */
function squarePatches(
  content: RgbImage,
  { left, top }: { readonly left: number; readonly top: number },
  frame: Sides,
  imageProcessor:
    | FitProcessor
    | CenterCropProcessor
    | StretchProcessor
    | PatchBudgetProcessor
    | TilesProcessor
    | SlicesProcessor
    | QuartersProcessor,
): PixelValues {
  const { patchSize } = imageProcessor;
  const { width, height } = frame;
  invariant(width % patchSize === 0 && height % patchSize === 0, "an image processor makes whole patches");
  const grid = { rows: height / patchSize, columns: width / patchSize };
  const patchValues = 3 * patchSize * patchSize;
  const data = new Float32Array(grid.rows * grid.columns * patchValues);
  const tables = normalisationTables(imageProcessor);
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

/** Where the picture is in the frame: halves of a pixel round up, an odd pixel of padding goes right or below. */
export function fitBox(image: { readonly width: number; readonly height: number }, imageProcessor: FitProcessor): Box {
  const scale = Math.min(imageProcessor.width / image.width, imageProcessor.height / image.height);
  const scaled = (side: number) => Math.max(1, Math.floor(side * scale + 0.5));
  const [width, height] = [scaled(image.width), scaled(image.height)];
  return {
    left: Math.floor((imageProcessor.width - width) / 2),
    top: Math.floor((imageProcessor.height - height) / 2),
    width,
    height,
  };
}

/** (x/255 - mean)/std for every byte, per channel. */
function normalisationTables({ mean, std }: ImageProcessor | VideoProcessor): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - m) / std[c]!));
}

/** A still picture is a video in which nothing moves. Its reference resizes with torchvision, hence the order. */
function smartResize(image: RgbImage, imageProcessor: SmartResizeProcessor): PixelValues {
  const fitted = modelView(image, imageProcessor);
  const values = mergedPatches(new Array<RgbImage>(imageProcessor.temporalPatchSize).fill(fitted), imageProcessor);
  const isLarger = image.width * image.height > mostOwnPixels * fitted.width * fitted.height;
  return isLarger ? values : { ...values, own: image };
}

/** To one of the frame: a picture is rounded to whole patches, by less than half of it where it has more than one. */
const mostOwnPixels = 1.5;

/**
 * Frames of one size in whole blocks, as many as a patch is deep → rows of patches in merge order (blocks of merge × merge,
 * raster within); columns channel, frame, y, x.
 */
export function mergedPatches(
  frames: readonly RgbImage[],
  imageProcessor: SmartResizeProcessor | VideoProcessor,
): PixelValues {
  const { patchSize: p, mergeSize: m, temporalPatchSize: depth } = imageProcessor;
  const { width, height } = frames[0]!;
  invariant(frames.length === depth && width % (p * m) === 0 && height % (p * m) === 0, "frames come fitted");
  const grid = { rows: height / p, columns: width / p };
  const patchValues = 3 * depth * p * p;
  const data = new Float32Array(grid.rows * grid.columns * patchValues);
  const tables = normalisationTables(imageProcessor);
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
