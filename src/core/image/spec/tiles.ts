/**
 * An image as square tiles of one size behind each other, and the whole of it once more in that size: more detail than a
 * vision encoder of one size has room for. Sizes and their order are the reference's. [transformers image_processing_idefics3.py]
 */
import type { TilesProcessor } from "./image-processor.js";

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

/** Both resizes of an image: to `longestEdge`, then to whole tiles within the budget, or to one tile. */
export function tileSizes(
  image: Size,
  imageProcessor: TilesProcessor,
): { readonly scaled: Size; readonly tiled: Size } {
  const { side, splits, maxPixels = Number.POSITIVE_INFINITY } = imageProcessor;
  const sizesWith = (longestEdge: number) => {
    const scaled = scaledSize(image, longestEdge);
    return { scaled, tiled: splits ? tiledSize(scaled, side) : { width: side, height: side } };
  };
  let sizes = sizesWith(imageProcessor.longestEdge);
  const isTooLarge = () => sizes.tiled.width * sizes.tiled.height > maxPixels;
  for (let tiles = Math.ceil(mostPixels / side); tiles > 0 && isTooLarge(); tiles--)
    if (tiles * side < imageProcessor.longestEdge) sizes = sizesWith(tiles * side);
  return sizes;
}

/** Patches on a side of a tile; what is left over at its right and bottom is not seen. */
export function patchesPerSide({ side, patchSize }: Pick<TilesProcessor, "side" | "patchSize">): number {
  return Math.floor(side / patchSize);
}
