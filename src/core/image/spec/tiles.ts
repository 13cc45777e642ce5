/**
 * An image as square tiles of one size behind each other, and the whole of it once more in that size: more detail than a
 * vision encoder of one size has room for. Sizes, their order and their ties are the reference's.
 * [transformers image_processing_idefics3.py, image_processing_got_ocr2.py]
 */
import type { NearestAspect, TilesProcessor } from "./image-processor.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The reference's own bound on a side. */
const mostPixels = 4096;

/** Sides in the proportions of `image`, the longer one being `longest`; the shorter is cut to whole pixels. */
function withLongest({ width, height }: Size, longest: number): Size {
  const aspect = width / height;
  return width >= height
    ? { width: longest, height: Math.trunc(longest / aspect) }
    : { width: Math.trunc(longest * aspect), height: longest };
}

/** First resize: the longer side to `longestEdge`, the other one even, neither above the reference's bound. */
function scaledSize(image: Size, longestEdge: number): Size {
  const { width, height } = withLongest(image, longestEdge);
  const even = (side: number) => Math.max(1, side + (side % 2));
  const wide = image.width >= image.height;
  const scaled = { width: wide ? width : even(width), height: wide ? even(height) : height };
  if (Math.max(scaled.width, scaled.height) <= mostPixels) return scaled;
  const bound = withLongest(scaled, mostPixels);
  return { width: Math.max(1, bound.width), height: Math.max(1, bound.height) };
}

/** Second resize: each side to a multiple of a tile's, the longer one first. */
function tiledSize(scaled: Size, side: number): Size {
  const up = (length: number) => Math.ceil(length / side) * side;
  const { width, height } = withLongest(scaled, up(Math.max(scaled.width, scaled.height)));
  return { width: up(width), height: up(height) };
}

interface Sizes {
  readonly scaled: Size;
  readonly tiled: Size;
}

/** Both resizes of an image: a first one, if there is one, then to whole tiles within the budget, or to one tile. */
export function tileSizes(image: Size, imageProcessor: TilesProcessor): Sizes {
  const { arrangement, side, maxPixels = Number.POSITIVE_INFINITY } = imageProcessor;
  if (!("most" in arrangement)) return sizesByLongestEdge(image, arrangement.longestEdge, imageProcessor);
  const most = Math.min(arrangement.most, Math.max(1, Math.floor(maxPixels / side ** 2)));
  const { columns, rows } = nearestGrid(image, side, { least: Math.min(arrangement.least, most), most });
  return { scaled: image, tiled: { width: columns * side, height: rows * side } };
}

/** Over the budget, the longer edge gets as many tiles less as it takes. */
function sizesByLongestEdge(image: Size, longestEdge: number, { side, splits, maxPixels }: TilesProcessor): Sizes {
  const sizesWith = (longest: number) => {
    const scaled = scaledSize(image, longest);
    return { scaled, tiled: splits ? tiledSize(scaled, side) : { width: side, height: side } };
  };
  let sizes = sizesWith(longestEdge);
  const isTooLarge = () => sizes.tiled.width * sizes.tiled.height > (maxPixels ?? Number.POSITIVE_INFINITY);
  for (let tiles = Math.ceil(mostPixels / side); tiles > 0 && isTooLarge(); tiles--)
    if (tiles * side < longestEdge) sizes = sizesWith(tiles * side);
  return sizes;
}

/** The grid nearest in proportions; among equals the largest whose area is below twice the image's. */
function nearestGrid({ width, height }: Size, side: number, { least, most }: NearestAspect) {
  const sides = Array.from({ length: most }, (_, i) => i + 1);
  const grids = sides
    .flatMap((columns) => sides.map((rows) => ({ columns, rows, count: columns * rows })))
    .filter(({ count }) => count >= least && count <= most)
    .sort((a, b) => a.count - b.count); // stable: among grids of one count, fewer columns first
  const distance = ({ columns, rows }: (typeof grids)[number]) => Math.abs(width / height - columns / rows);
  const isBetter = (grid: (typeof grids)[number], best: (typeof grids)[number]) =>
    distance(grid) < distance(best) ||
    (distance(grid) === distance(best) && width * height > 0.5 * side * side * grid.count);
  return grids.reduce((best, grid) => (isBetter(grid, best) ? grid : best));
}

/** Patches on a side of a tile; what is left over at its right and bottom is not seen. */
export function patchesPerSide({ side, patchSize }: Pick<TilesProcessor, "side" | "patchSize">): number {
  return Math.floor(side / patchSize);
}
