/**
 * Two versions of a piece, compared value by value as float32, with a sketch of their difference from which
 * low-rank.ts tells its rank. Runs in worker threads; what it returns adds up.
 */
import { type DType, toFloat32 } from "../core/tensor/index.js";

/** NaN and infinite values: of A, of B, and the places where the two differ in one. */
export interface NotFinite {
  readonly a: number;
  readonly b: number;
  readonly changed: number;
}

export interface PieceDifference {
  /** Byte by byte where both have one dtype, else by value. */
  readonly isEqual: boolean;
  /** Sums over the places where both values are finite. */
  readonly squares: number;
  readonly squaresA: number;
  readonly squaresB: number;
  readonly maxAbs: number;
  readonly numChanged: number;
  readonly notFinite: NotFinite;
  readonly numChangedRows: number;
  /** [sketchRows, columns]; empty where none was asked for or nothing changed. */
  readonly sketch: Float32Array<ArrayBuffer>;
}

export interface DifferenceShape {
  readonly dtypes: readonly [DType, DType];
  /** Elements of a row; of what has no rows, 0. */
  readonly columns: number;
  /** The row of the tensor that the piece begins with. */
  readonly firstRow: number;
  readonly withSketch: boolean;
}

/** Twice the largest rank that is looked for, so that a flat spectrum stays flat. */
export const sketchRows = 128;
/** Rows of the sketch that a row is added to, with a sign. */
const signsPerRow = 4;

export function comparePiece(a: Uint8Array, b: Uint8Array, shape: DifferenceShape): PieceDifference {
  const { dtypes, columns, firstRow, withSketch } = shape;
  const [x, y] = [toFloat32(a, dtypes[0]), toFloat32(b, dtypes[1])];
  const width = columns || x.length;
  const notFinite = { a: 0, b: 0, changed: 0 };
  const sums: Sums = { squares: 0, squaresA: 0, squaresB: 0, maxAbs: 0, numChanged: 0, numChangedRows: 0, notFinite };
  let sketch = new Float32Array(0);
  const difference = new Float32Array(width);
  for (let start = 0; start < x.length; start += width) {
    const before = sums.numChanged;
    compareRow(x, y, start, difference, sums);
    if (sums.numChanged === before) continue;
    sums.numChangedRows++;
    if (!withSketch) continue;
    if (sketch.length === 0) sketch = new Float32Array(sketchRows * columns); // what is equal needs none
    addToSketch(sketch, difference, firstRow + start / width);
  }
  const isEqual = dtypes[0] === dtypes[1] ? Buffer.compare(a, b) === 0 : sums.numChanged === 0;
  return { ...sums, isEqual, sketch };
}

type Sums = { -readonly [K in keyof Omit<PieceDifference, "isEqual" | "sketch" | "notFinite">]: number } & {
  readonly notFinite: { -readonly [K in keyof NotFinite]: number };
};

function compareRow(x: Float32Array, y: Float32Array, start: number, difference: Float32Array, sums: Sums): void {
  for (let i = 0; i < difference.length; i++) {
    const a = x[start + i]!;
    const b = y[start + i]!;
    const d = b - a;
    if (!Number.isFinite(d)) {
      difference[i] = 0;
      if (!Number.isFinite(a)) sums.notFinite.a++;
      if (!Number.isFinite(b)) sums.notFinite.b++;
      if (Object.is(a, b)) continue;
      sums.numChanged++;
      sums.notFinite.changed++;
      continue;
    }
    difference[i] = d;
    sums.squaresA += a * a;
    sums.squaresB += b * b;
    if (d === 0) continue;
    sums.numChanged++;
    sums.squares += d * d;
    sums.maxAbs = Math.max(sums.maxAbs, Math.abs(d));
  }
}

/** Adds one row to some rows of the sketch, chosen and signed by a hash of its number: the same in every thread. */
function addToSketch(sketch: Float32Array, row: Float32Array, number: number): void {
  for (let k = 0; k < signsPerRow; k++) {
    const hash = mixed(number * signsPerRow + k);
    const [at, sign] = [((hash >>> 1) % sketchRows) * row.length, hash & 1 ? 1 : -1];
    for (let i = 0; i < row.length; i++) sketch[at + i]! += sign * row[i]!;
  }
}

/** The finaliser of MurmurHash3: every bit of the number reaches every bit of the result. */
function mixed(number: number): number {
  let bits = (number + 0x9e3779b9) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
