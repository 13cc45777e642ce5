/** The part of an image that learned queries look at most: a tile of half its width and height, out of nine that overlap. */
import type { Box, PixelSize } from "./places.js";

/** What queries weigh the patches of an image by, all of them together. */
export interface AttentionMap {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] */
  readonly weights: Float32Array;
  /** Where the image stands among the patches, counted in these; the rest is padding. */
  readonly area: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
}

/** By their distance from the middle, which is taken where nothing else is looked at more. */
const offsets = [0, 0.25, 0.5]
  .flatMap((top) => [0, 0.25, 0.5].map((left) => [left, top] as const))
  .sort(([a, b], [c, d]) => Math.hypot(a - 0.25, b - 0.25) - Math.hypot(c - 0.25, d - 0.25));

/** In pixels of the image. */
export function attendedTile({ rows, columns, weights, area }: AttentionMap, { width, height }: PixelSize): Box {
  const sums = offsets.map(() => 0);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const [x, y] = [(column + 0.5 - area.left) / area.width, (row + 0.5 - area.top) / area.height];
      for (const [i, [left, top]] of offsets.entries())
        if (x >= left && x < left + 0.5 && y >= top && y < top + 0.5) sums[i]! += weights[row * columns + column]!;
    }
  const [left, top] = offsets[sums.indexOf(Math.max(...sums))]!;
  return [left * width, top * height, (left + 0.5) * width, (top + 0.5) * height];
}

/** A box with some of what is around it, so that words beside a value say what it is. */
export function widened([left, top, right, bottom]: Box, { width, height }: PixelSize): Box {
  const across = Math.max((right - left) / 2, width / 16);
  const down = Math.max((bottom - top) / 2, height / 16);
  return [
    Math.max(0, left - across),
    Math.max(0, top - down),
    Math.min(width, right + across),
    Math.min(height, bottom + down),
  ];
}
