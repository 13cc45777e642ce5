/**
 * Lines → rows in the order in which people read them: side by side is one row, left to right; rows from the top. "Left" and "top"
 * are those of the text, which may stand sideways or upside down on its page; columns of vertical Chinese come right to left.
 */
import type { Point } from "../image/spec/index.js";
import type { Quad } from "./rectangle.js";

interface Placed<T> {
  readonly line: T;
  /** Along the direction of reading, and from row to row. */
  readonly along: number;
  readonly across: number;
  readonly height: number;
}

/** Of the lower of two lines' heights: centres that are closer are in one row. */
const sameRow = 0.5;

/** @param lines quads from the top left of the text as it is read */
export function readingRows<T extends { readonly quad: Quad }>(lines: readonly T[]): T[][] {
  const direction = directionOf(lines);
  const placed = lines.map((line) => place(line, direction)).sort((a, b) => a.across - b.across);
  const rows: Placed<T>[][] = [];
  for (const line of placed) {
    const row = rows.at(-1);
    if (row && isInRow(line, row)) row.push(line);
    else rows.push([line]);
  }
  return rows.map((row) => row.sort((a, b) => a.along - b.along).map(({ line }) => line));
}

/** Where most of the text runs to, as a vector of length 1. */
function directionOf(lines: readonly { readonly quad: Quad }[]): Point {
  const sum = (axis: 0 | 1) => lines.reduce((total, { quad: [from, to] }) => total + to[axis] - from[axis], 0);
  const [x, y] = [sum(0), sum(1)];
  const length = Math.hypot(x, y);
  return length === 0 ? [1, 0] : [x / length, y / length];
}

function place<T extends { readonly quad: Quad }>(line: T, [x, y]: Point): Placed<T> {
  const center = (axis: 0 | 1) => line.quad.reduce((total, point) => total + point[axis] / 4, 0);
  const [cx, cy] = [center(0), center(1)];
  const [[left, top], , , [endX, endY]] = line.quad;
  return { line, along: cx * x + cy * y, across: cy * x - cx * y, height: Math.hypot(endX - left, endY - top) };
}

function isInRow<T>({ across, height }: Placed<T>, row: readonly Placed<T>[]): boolean {
  const last = row.at(-1)!;
  return across - last.across < sameRow * Math.min(height, last.height);
}
