/** The parts that an image is cut into, tiles or slices, and the whole of it that is seen beside them. */
import { numTiles } from "./grid.js";
import type { ImageProcessor } from "./image-processor.js";
import type { ImageGrid } from "./pixel-values.js";
import { viewsOf } from "./slices.js";
import { patchesPerSide } from "./tiles.js";

/** Of patches, or of what they become. */
interface Cells {
  readonly rows: number;
  readonly columns: number;
}

export interface CutImage {
  /** The patches of each part. */
  readonly part: Cells;
  /** Those of the whole, which stands before the parts or behind them. Absent: there is one part, which is the whole. */
  readonly whole?: Cells & { readonly isFirst: boolean };
}

/** Undefined for an image that is seen in one piece, or in quarters, of which learned queries make the tokens. */
export function cutOf(grid: ImageGrid, imageProcessor: ImageProcessor): CutImage | undefined {
  if (imageProcessor.kind === "tiles") {
    const part = { rows: patchesPerSide(imageProcessor), columns: patchesPerSide(imageProcessor) };
    return numTiles(grid, imageProcessor) === 1 ? { part } : { part, whole: { ...part, isFirst: false } };
  }
  return grid.slices && { part: viewsOf(grid)[1]!, whole: { ...grid.slices.overview, isFirst: true } };
}

/** Of cell `index` in an image of so many columns; parts follow one another, parts and the cells of each in raster order. */
export function placeInParts(index: number, columns: number, part: Cells): [row: number, column: number] {
  const size = part.rows * part.columns;
  const [at, within] = [Math.floor(index / size), index % size];
  const perRow = columns / part.columns;
  const row = Math.floor(at / perRow) * part.rows + Math.floor(within / part.columns);
  return [row, (at % perRow) * part.columns + (within % part.columns)];
}
