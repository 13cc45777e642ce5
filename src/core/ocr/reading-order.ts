/**
 * Lines → rows in the order in which people read them: side by side is one row, left to right; rows from the top; columns of running
 * text one after the other. "Left" and "top" are those of the text, which may stand sideways or upside down on its page; columns of
 * vertical Chinese come right to left.
 */
import type { Point } from "../image/spec/index.js";
import type { Quad } from "./rectangle.js";

interface Placed<T> {
  readonly line: T;
  /** Along the direction of reading. */
  readonly from: number;
  readonly to: number;
  /** Its middle, from row to row. */
  readonly across: number;
  readonly height: number;
}

type Row<T> = readonly Placed<T>[];

/** @param lines quads from the top left of the text as it is read */
export function readingRows<T extends { readonly quad: Quad }>(lines: readonly T[]): T[][] {
  const direction = directionOf(lines);
  return inOrder(lines.map((line) => place(line, direction))).map((row) => row.map(({ line }) => line));
}

/** Where most of the text runs to, as a vector of length 1. */
function directionOf(lines: readonly { readonly quad: Quad }[]): Point {
  const sum = (axis: 0 | 1) => lines.reduce((total, { quad: [from, to] }) => total + to[axis] - from[axis], 0);
  const [x, y] = [sum(0), sum(1)];
  const length = Math.hypot(x, y);
  return length === 0 ? [1, 0] : [x / length, y / length];
}

function place<T extends { readonly quad: Quad }>(line: T, [x, y]: Point): Placed<T> {
  const along = line.quad.map((point) => point[0] * x + point[1] * y);
  const across = line.quad.map((point) => point[1] * x - point[0] * y);
  const [[left, top], , , [endX, endY]] = line.quad;
  return {
    line,
    from: Math.min(...along),
    to: Math.max(...along),
    across: across.reduce((sum, at) => sum + at / 4, 0),
    height: Math.hypot(endX - left, endY - top),
  };
}

/** Row by row, but for bands of rows that are columns of text: these one after the other. */
function inOrder<T>(lines: readonly Placed<T>[]): Row<T>[] {
  const rows = rowsOf(lines);
  const ordered: Row<T>[] = [];
  for (let start = 0; start < rows.length; ) {
    const { end, gutters } = bandFrom(rows, start);
    const band = rows.slice(start, end);
    const columns = columnsOf(band.flat(), gutters);
    ordered.push(...(columns.every(isRunningText) ? columns.flatMap(rowsOf) : band));
    start = end;
  }
  return ordered;
}

/** Of the lower of two lines' heights: middles that are closer are in one row. */
const sameRow = 0.5;

function rowsOf<T>(lines: readonly Placed<T>[]): Row<T>[] {
  const rows: Placed<T>[][] = [];
  for (const line of [...lines].sort((a, b) => a.across - b.across)) {
    const last = rows.at(-1)?.at(-1);
    const isBeside = last && line.across - last.across < sameRow * Math.min(line.height, last.height);
    if (isBeside) rows.at(-1)!.push(line);
    else rows.push([line]);
  }
  return rows.map((row) => row.sort((a, b) => a.from - b.from));
}

interface Gutter {
  readonly from: number;
  readonly to: number;
}

/** The rows from `start` on that share gutters, and those; a row without one is alone. */
function bandFrom<T>(rows: readonly Row<T>[], start: number): { readonly end: number; readonly gutters: Gutter[] } {
  let gutters = gapsIn(rows[start]!);
  let end = start + 1;
  while (end < rows.length) {
    const left = gutters.flatMap((gutter) => partsWithout(gutter, rows[end]!));
    if (left.length === 0) break;
    gutters = left;
    end++;
  }
  return { end, gutters };
}

/** At least as wide as the row is high. */
function gapsIn<T>(row: Row<T>): Gutter[] {
  return row.slice(1).flatMap(({ from, height }, i) => {
    const to = Math.max(...row.slice(0, i + 1).map((line) => line.to));
    return from - to >= height ? [{ from: to, to: from }] : [];
  });
}

function partsWithout<T>(gutter: Gutter, row: Row<T>): Gutter[] {
  let parts = [gutter];
  for (const { from, to, height } of row)
    parts = parts.flatMap((part) =>
      [
        { from: part.from, to: Math.min(part.to, from) },
        { from: Math.max(part.from, to), to: part.to },
      ].filter((each) => each.to - each.from >= height || (each.from === part.from && each.to === part.to)),
    );
  return parts;
}

function columnsOf<T>(lines: readonly Placed<T>[], gutters: readonly Gutter[]): Placed<T>[][] {
  const columns = Array.from({ length: gutters.length + 1 }, (): Placed<T>[] => []);
  for (const line of lines) columns[gutters.filter(({ to }) => to <= line.from).length]!.push(line);
  return columns;
}

/** Columns of running text have some lines, are some words wide, and most of their lines fill them: those of a table do not. */
const [leastLines, leastWidth, leastFill] = [3, 10, 0.6];

function isRunningText<T>(lines: readonly Placed<T>[]): boolean {
  if (lines.length < leastLines) return false;
  const width = Math.max(...lines.map(({ to }) => to)) - Math.min(...lines.map(({ from }) => from));
  const isFilled = middleOf(lines.map(({ from, to }) => to - from)) >= leastFill * width;
  return isFilled && width >= leastWidth * middleOf(lines.map(({ height }) => height));
}

function middleOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
