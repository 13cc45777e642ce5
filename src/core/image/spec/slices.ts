/**
 * An image as an overview and a grid of slices: each view has about the area that the encoder was trained for, in the
 * proportions of what it shows, on sides of whole patches. Sizes, their order and their ties are the reference's.
 * [MiniCPM-V's image_processing_minicpmv.py; transformers image_processing_minicpmv4_6.py, the same law on coarser sides]
 */

import type { SlicesProcessor } from "./image-processor.js";
import type { ImageGrid, PixelValues } from "./pixel-values.js";
import { roundHalfToEven } from "./round.js";
import { refuseStrip } from "./smart-size.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Grid {
  readonly rows: number;
  readonly columns: number;
}

export interface SliceSizes {
  readonly overview: Size;
  /** The size of each slice, and how many there are. Absent: the image is no larger than one. */
  readonly slices?: Size & Grid;
}

type Rules = Pick<SlicesProcessor, "maxSlices" | "scaleResolution" | "sideMultiple">;

/** @throws `invalid_image` for a strip longer than 200 times its width: its overview would be thousands of patches long. */
export function sliceSizes(image: Size, rules: Rules): SliceSizes {
  refuseStrip(image);
  const grid = sliceGrid(image, rules);
  const overview = bestSize(image, rules, grid === undefined);
  if (!grid) return { overview };
  const cell = {
    width: nearest(image.width, grid.columns) / grid.columns,
    height: nearest(image.height, grid.rows) / grid.rows,
  };
  return { overview, slices: { ...grid, ...bestSize(cell, rules, true) } };
}

/**
 * About as many slices as the image has areas of one, in the grid whose proportions are nearest to its own. Of two that
 * are equally near the one of more rows: between grids of one number it comes first, and grids of neighbouring numbers
 * are never equally near, as w² : h² would be the root of a product of neighbours, which is no whole number.
 */
function sliceGrid({ width, height }: Size, { maxSlices, scaleResolution }: Rules): Grid | undefined {
  const wanted = Math.min(Math.ceil((width * height) / scaleResolution ** 2), maxSlices);
  if (wanted <= 1) return undefined;
  const counts = [wanted - 1, wanted, wanted + 1].filter((count) => count > 1 && count <= maxSlices);
  const grids = counts.flatMap((count) =>
    Array.from({ length: count }, (_, i) => ({ columns: i + 1, rows: count / (i + 1) })),
  );
  const own = roundedLog(width / height);
  const distance = ({ columns, rows }: Grid) => Math.abs(own - roundedLog(columns / rows));
  return grids
    .filter(({ rows }) => Number.isInteger(rows))
    .reduce((best, grid) => (distance(grid) < distance(best) ? grid : best));
}

/**
 * Natural logarithm to the nearest float64, as the C library behind Python has it. Math.log is off by a bit here and there,
 * and where an image stands exactly between two grids (a square one and three slices) the last bit decides.
 */
function roundedLog(x: number): number {
  const near = Math.log(x);
  const [unit, power] = [2 ** 100, BigInt(near * 2 ** 100)];
  let [sum, term] = [0n, BigInt(unit)];
  for (let n = 1n; term !== 0n; n++) {
    sum += term;
    term = (-term * power) / (n << 100n); // of the series of e to the -near
  }
  const excess = ((BigInt(x * unit) * sum) >> 100n) - BigInt(unit); // x / e^near - 1
  return near + Number(excess) / unit;
}

/** In the image's proportions at the area of one view if it is larger than that, or `grows`; sides are whole multiples. */
function bestSize({ width, height }: Size, { scaleResolution, sideMultiple }: Rules, grows: boolean): Size {
  const size = { width, height };
  if (grows || width * height > scaleResolution ** 2) {
    const aspect = width / height;
    size.height = Math.trunc(scaleResolution / Math.sqrt(aspect));
    size.width = Math.trunc(size.height * aspect);
  }
  return { width: nearest(size.width, sideMultiple), height: nearest(size.height, sideMultiple) };
}

/** The nearest whole multiple, at least one. */
function nearest(length: number, divisor: number): number {
  return Math.max(roundHalfToEven(length / divisor) * divisor, divisor);
}

/** Patches of all slices side by side, those of the overview apart; or of the overview alone. */
export function slicesGrid(image: Size, imageProcessor: SlicesProcessor): ImageGrid {
  const { overview, slices } = sliceSizes(image, imageProcessor);
  const patches = ({ width, height }: Size) => ({
    rows: height / imageProcessor.patchSize,
    columns: width / imageProcessor.patchSize,
  });
  if (!slices) return patches(overview);
  const { rows, columns } = patches(slices);
  const cut = { rows: slices.rows, columns: slices.columns, overview: patches(overview) };
  return { rows: rows * cut.rows, columns: columns * cut.columns, slices: cut };
}

/**
 * The views of an image by the patches of each, neighbours of one shape together: the overview, and the slices if there are any;
 * or quarters, and the whole.
 */
export function viewsOf({
  rows,
  columns,
  slices,
  quarters,
}: ImageGrid): readonly (Grid & { readonly count: number })[] {
  if (quarters) return [...together(quarters), { rows, columns, count: 1 }];
  if (!slices) return [{ rows, columns, count: 1 }];
  const slice = { rows: rows / slices.rows, columns: columns / slices.columns, count: slices.rows * slices.columns };
  return [{ ...slices.overview, count: 1 }, slice];
}

function together(views: readonly Grid[]): (Grid & { readonly count: number })[] {
  const runs: (Grid & { count: number })[] = [];
  for (const { rows, columns } of views) {
    const last = runs.at(-1);
    if (last?.rows === rows && last.columns === columns) last.count++;
    else runs.push({ rows, columns, count: 1 });
  }
  return runs;
}

/** Which of an image's batches shows the whole of it, by itself. */
export function wholeOf({ slices }: ImageGrid): 0 | -1 {
  return slices ? 0 : -1;
}

/** An image's views in batches of one shape, `grid` being that of each view: what an encoder runs at once. */
export function batchesOf(pixels: PixelValues): PixelValues[] {
  const {
    data,
    shape: [, width],
    grid,
  } = pixels;
  if (!grid.slices && !grid.quarters) return [pixels];
  let first = 0;
  return viewsOf(grid).map(({ rows, columns, count }) => {
    const from = first;
    first += count * rows * columns;
    const values = data.subarray(from * width, first * width);
    return { data: values, shape: [first - from, width], grid: { rows, columns } };
  });
}
