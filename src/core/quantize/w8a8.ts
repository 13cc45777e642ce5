/**
 * Float rows → 8-bit codes with one scale a row, the rows turned first (tensor/hadamard.ts); and codes as an integer product reads
 * them, column by column. The other side of the product is rounded while the graph runs (nn/linear.ts).
 */
import { rotateColumns } from "../tensor/index.js";
import { notFinite, type Origin } from "./not-finite.js";

/** Rows of a matrix as W8A8 stores them. */
export interface ChannelCodes {
  /** [rows, columns], -127 to 127: a code's negative is one too, so no product of codes is out of range. */
  readonly codes: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

/** @throws `invalid_file` when a value is NaN or infinite, naming its place. */
export function quantizeChannels(values: Float32Array, columns: number, origin?: Origin): ChannelCodes {
  const turned = values.slice();
  rotateColumns(turned, columns);
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(values.length / columns);
  for (let row = 0; row < scales.length; row++) {
    const start = row * columns;
    const largest = largestIn(turned, start, start + columns);
    if (!Number.isFinite(largest)) throw notFinite(values, columns, origin);
    scales[row] = largest / 127;
    const inverse = largest === 0 ? 0 : 127 / largest;
    for (let i = start; i < start + columns; i++) codes[i] = ((turned[i]! * inverse + 128.5) | 0) - 128;
  }
  return { codes, scales };
}

/** The largest magnitude; NaN or infinite where a value is. */
function largestIn(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const value = Math.abs(values[i]!);
    sum += value * 0; // NaN as soon as one value is not finite
    if (value > largest) largest = value;
  }
  return largest + sum;
}

/** The float32 values [rows, columns] that the codes stand for. */
export function dequantizeChannels({ codes, scales }: ChannelCodes, columns: number): Float32Array {
  const values = Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / columns)]!);
  rotateColumns(values, columns);
  return values;
}

/** [rows, columns] → [columns, rows]; in tiles, since a walk down whole columns would miss the processor's cache at each step. */
export function transposeBytes(bytes: Uint8Array, columns: number): Uint8Array {
  const rows = bytes.length / columns;
  const out = new Uint8Array(bytes.length);
  const tile = 64;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const [bottom, right] = [Math.min(rows, top + tile), Math.min(columns, left + tile)];
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) out[column * rows + row] = bytes[row * columns + column]!;
      }
    }
  }
  return out;
}
