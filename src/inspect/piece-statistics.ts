/**
 * The counting half of tensor statistics: one pass over the values of a piece. Runs in worker threads; what it returns
 * adds up, and `tensor-statistics.ts` makes numbers for people of the sums.
 */
import { dequantizeRows, quantizationError, quantizeRows } from "../core/quantize/index.js";
import { type DType, elementBytes, toFloat32 } from "../core/tensor/index.js";
import { codeTable, numCodes } from "./value-codes.js";

export interface PieceStatistics {
  /** How often each code occurs: see value-codes.ts. */
  readonly counts: Uint32Array<ArrayBuffer>;
  /** Exact sums over finite values, and their bounds, where the codes are not the values themselves. */
  readonly exact?: Moments;
  /** Sum of squares of each column; empty where rows mean nothing. */
  readonly columnSquares: Float64Array<ArrayBuffer>;
  /** Rows of zeros only. */
  readonly numDeadRows: number;
  /** Of some rows, as int4 in blocks of 32 would store them: the error's sum of squares, and that of the values. */
  readonly int4: { readonly errorSquares: number; readonly squares: number };
}

export interface Moments {
  readonly sum: number;
  readonly squares: number;
  readonly min: number;
  readonly max: number;
}

export interface PieceShape {
  readonly dtype: DType;
  /** Elements of a row, or 0. */
  readonly columns: number;
  /** The int4 error is measured on one row of so many; 0: not at all. */
  readonly int4RowStep: number;
}

/** The bytes of a piece, counted. */
export function countPiece(bytes: Uint8Array, shape: PieceShape): PieceStatistics {
  const { dtype, columns, int4RowStep } = shape;
  const twoBytes = dtype === "f16" || dtype === "bf16";
  const counted = twoBytes ? countCodes(bytes, dtype, columns) : countFloats(toFloat32(bytes, dtype), columns);
  const int4 = int4RowStep > 0 && columns > 0 ? int4Error(bytes, shape) : { errorSquares: 0, squares: 0 };
  return { ...counted, int4 };
}

/** Of f16 and bf16 the counts say everything; columns take the squares from a table. */
function countCodes(bytes: Uint8Array, dtype: DType, columns: number): Omit<PieceStatistics, "int4"> {
  const source = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const codes = new Uint16Array(source.buffer, source.byteOffset, source.byteLength / 2);
  const { squares } = codeTable(dtype);
  const counts = new Uint32Array(numCodes);
  const columnSquares = new Float64Array(columns);
  let numDeadRows = 0;
  const width = columns || codes.length;
  for (let row = 0; row < codes.length; row += width) {
    let bits = 0;
    for (let column = 0; column < width; column++) {
      const code = codes[row + column]!;
      counts[code]!++;
      bits |= code;
      if (columns > 0) columnSquares[column]! += squares[code]!;
    }
    if (columns > 0 && (bits & 0x7fff) === 0) numDeadRows++;
  }
  return { counts, columnSquares, numDeadRows };
}

const someNaN = 0x7fc0;

function countFloats(values: Float32Array, columns: number): Omit<PieceStatistics, "int4"> {
  const halves = new Uint16Array(values.buffer, values.byteOffset, 2 * values.length);
  const counts = new Uint32Array(numCodes);
  const columnSquares = new Float64Array(columns);
  let [sum, squares, min, max, numDeadRows] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  const width = columns || values.length;
  for (let row = 0; row < values.length; row += width) {
    let isDead = true;
    for (let column = 0; column < width; column++) {
      const code = halves[2 * (row + column) + 1]!;
      const value = values[row + column]!;
      if (value !== 0) isDead = false;
      counts[Number.isNaN(value) ? someNaN : code]!++; // the lower half may hold what makes it a NaN
      if ((code & 0x7f80) === 0x7f80) continue; // NaN or infinity
      sum += value;
      squares += value * value;
      if (value < min) min = value;
      if (value > max) max = value;
      if (columns > 0) columnSquares[column]! += value * value;
    }
    if (columns > 0 && isDead) numDeadRows++;
  }
  return { counts, exact: { sum, squares, min, max }, columnSquares, numDeadRows };
}

const int4 = { kind: "int4", blockSize: 32 } as const;

/** Rows with NaN or infinity have no int4 form and are left out: the counts tell of them. */
function int4Error(bytes: Uint8Array, { dtype, columns, int4RowStep }: PieceShape): PieceStatistics["int4"] {
  const rowBytes = columns * elementBytes(dtype);
  let [errorSquares, squares] = [0, 0];
  for (let row = 0; (row + 1) * rowBytes <= bytes.length; row += int4RowStep) {
    const values = toFloat32(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), dtype);
    if (!values.every(Number.isFinite)) continue;
    const restored = dequantizeRows(quantizeRows(values, 1, columns, int4), 1, columns, int4);
    const { rmse } = quantizationError(values, restored);
    errorSquares += rmse ** 2 * columns;
    squares += rowSquares(values);
  }
  return { errorSquares, squares };
}

function rowSquares(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
