/**
 * An image as its four quarters and then the whole, or as the whole alone; each brought between two edges and cut to whole
 * patches at its right and bottom. Sizes and their order are the reference's. [transformers image_processing_idefics2.py]
 */
import { OcellusError } from "../../base/index.js";
import type { QuartersProcessor, Sides } from "./image-processor.js";
import type { ImageGrid } from "./pixel-values.js";
import type { RgbImage } from "./rgb-image.js";

type Rules = Pick<QuartersProcessor, "shortestEdge" | "longestEdge" | "splits" | "patchSize" | "maxPixels">;

interface Box extends Sides {
  readonly left: number;
  readonly top: number;
}

/** The longer side down to `longestEdge`, the other one cut to whole pixels; then either up to `shortestEdge`, whatever the form. */
export function viewSize({ width, height }: Sides, { shortestEdge, longestEdge }: Rules): Sides {
  const size = { width, height };
  const aspect = width / height;
  if (width >= height && width > longestEdge) {
    size.width = longestEdge;
    size.height = Math.trunc(longestEdge / aspect);
  } else if (height > width && height > longestEdge) {
    size.height = longestEdge;
    size.width = Math.trunc(longestEdge * aspect);
  }
  return { width: Math.max(size.width, shortestEdge), height: Math.max(size.height, shortestEdge) };
}

/**
 * What is cut out of an image for each view, the whole last.
 * @throws `invalid_image` for one of a single row or column, which has no quarters.
 */
export function viewBoxes({ width, height }: Sides, { splits }: Rules): Box[] {
  const whole = { left: 0, top: 0, width, height };
  if (!splits) return [whole];
  if (Math.min(width, height) < 2)
    throw new OcellusError("invalid_image", `an image of ${width} by ${height} has no quarters; scale it up`, {
      details: { width, height },
    });
  const [left, top] = [Math.floor(width / 2), Math.floor(height / 2)];
  const columns = [{ left: 0, width: left }, { left, width: width - left }]; // biome-ignore format: a pair
  const rows = [{ top: 0, height: top }, { top, height: height - top }]; // biome-ignore format: a pair
  return [...rows.flatMap((row) => columns.map((column) => ({ ...row, ...column }))), whole];
}

/** The rules that an image is treated by under a request's budget. @throws as `viewBoxes`. */
export function withinBudget<R extends Rules>(image: Sides, rules: R): R {
  const { maxPixels = Number.POSITIVE_INFINITY, longestEdge } = rules;
  const sizes = viewBoxes(image, rules).map((box) => viewSize(box, rules));
  if (sizes.reduce((sum, { width, height }) => sum + width * height, 0) <= maxPixels) return rules;
  return { ...rules, splits: false, longestEdge: Math.min(longestEdge, Math.floor(Math.sqrt(maxPixels))) };
}

export function cutOut({ data, width }: RgbImage, box: Box): RgbImage {
  const out = new Uint8Array(box.width * box.height * 3);
  for (let y = 0; y < box.height; y++) {
    const from = ((box.top + y) * width + box.left) * 3;
    out.set(data.subarray(from, from + box.width * 3), y * box.width * 3);
  }
  return { width: box.width, height: box.height, data: out };
}

/** Patches of the whole, and of its quarters if it is split; and the size of the whole, of which they cut the rest off. */
export function quartersGrid(image: Sides, imageProcessor: Rules): ImageGrid {
  const rules = withinBudget(image, imageProcessor);
  const sizes = viewBoxes(image, rules).map((box) => viewSize(box, rules));
  const grids = sizes.map(({ width, height }) => ({
    rows: Math.floor(height / rules.patchSize),
    columns: Math.floor(width / rules.patchSize),
  }));
  const whole = { ...grids.pop()!, fitted: sizes.at(-1)! };
  return grids.length > 0 ? { ...whole, quarters: grids } : whole;
}
