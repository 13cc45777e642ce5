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
    const own = turned.subarray(row * columns, (row + 1) * columns);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0); // NaN stays
    if (!Number.isFinite(largest)) throw notFinite(values, columns, origin);
    scales[row] = largest / 127;
    const inverse = largest === 0 ? 0 : 127 / largest;
    for (let i = 0; i < columns; i++) codes[row * columns + i] = Math.round(own[i]! * inverse);
  }
  return { codes, scales };
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
