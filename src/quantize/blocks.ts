/**
 * Float rows → blocks of small integers with one float32 scale each, in the layout of ONNX Runtime's MatMulNBits:
 * codes [rows, ceil(columns/block), block·bits/8], low nibble first, symmetric around the default zero point (8 or 128);
 * the last block is filled up with the zero point. [onnxruntime docs/ContribOperators.md, com.microsoft.MatMulNBits]
 *
 * The scale is that of llama.cpp's Q4_0: the value of largest magnitude keeps its sign and becomes the lowest code, so
 * that all sixteen codes are used. A search over other scales was tried; see docs/log.md.
 */
import { invariant, OcellusError } from "../base/index.js";

export type QuantizedFormat = "int8" | "int4";
export type BlockSize = 32 | 64 | 128;

export interface QuantizedRows {
  readonly codes: Uint8Array;
  /** [rows, ceil(columns/block)] */
  readonly scales: Float32Array;
}

/** @throws `invalid_file` when a value is NaN or infinite, naming its row. */
export function quantizeRows(
  values: Float32Array,
  rows: number,
  columns: number,
  format: QuantizedFormat,
  blockSize: BlockSize,
): QuantizedRows {
  invariant(values.length === rows * columns, `${values.length} values are not ${rows} rows of ${columns}`);
  const blocks = Math.ceil(columns / blockSize);
  const scales = new Float32Array(rows * blocks);
  const codes = new Uint8Array((rows * blocks * blockSize) / (format === "int4" ? 2 : 1));
  const writeBlock = format === "int4" ? writeInt4 : writeInt8;
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * blockSize;
      const end = Math.min(start + blockSize, (row + 1) * columns);
      const extreme = signedExtreme(values, start, end);
      if (!Number.isFinite(extreme)) throw notFinite(row);
      const at = row * blocks + block;
      const scale = extreme === 0 ? 0 : Math.fround(extreme / (format === "int4" ? -8 : -128));
      scales[at] = scale;
      writeBlock(values, start, end, scale === 0 ? 0 : 1 / scale, codes, at * blockSize, blockSize);
    }
  }
  return { codes, scales };
}

/** The value of largest magnitude, with its sign; NaN if there is one. */
function signedExtreme(values: Float32Array, start: number, end: number): number {
  let extreme = 0;
  let magnitude = 0;
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    const size = Math.abs(value);
    if (size > magnitude) {
      magnitude = size;
      extreme = value;
    } else if (!(size <= magnitude)) return Number.NaN;
  }
  return extreme;
}

function writeInt8(
  values: Float32Array,
  start: number,
  end: number,
  inverse: number,
  codes: Uint8Array,
  at: number,
  blockSize: number,
): void {
  codes.fill(128, at, at + blockSize);
  for (let i = start; i < end; i++) {
    codes[at + i - start] = Math.max(0, Math.min(255, (values[i]! * inverse + 128.5) | 0)); // both sides: as int4Code
  }
}

/** Clamped on both sides: +8 has no code, and a denormal scale may round so far down that the extreme passes -8. */
function int4Code(scaled: number): number {
  return Math.max(0, Math.min(15, (scaled + 8.5) | 0));
}

/** Two codes a byte, the first in the low nibble. */
function writeInt4(
  values: Float32Array,
  start: number,
  end: number,
  inverse: number,
  codes: Uint8Array,
  at: number,
  blockSize: number,
): void {
  codes.fill(0x88, at >> 1, (at + blockSize) >> 1);
  for (let i = start; i < end; i += 2) {
    const low = int4Code(values[i]! * inverse);
    const high = i + 1 < end ? int4Code(values[i + 1]! * inverse) : 8;
    codes[(at + i - start) >> 1] = low | (high << 4);
  }
}

function notFinite(row: number): OcellusError {
  return new OcellusError(
    "invalid_file",
    `row ${row} holds NaN or infinity, which has no integer code; pack with --weights fp32 to keep it, or mend the checkpoint`,
    { details: { row } },
  );
}

/** The float32 values [rows, columns] that the codes stand for. */
export function dequantizeRows(
  { codes, scales }: QuantizedRows,
  rows: number,
  columns: number,
  format: QuantizedFormat,
  blockSize: BlockSize,
): Float32Array {
  const blocks = Math.ceil(columns / blockSize);
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * blocks + Math.floor(column / blockSize);
      const i = at * blockSize + (column % blockSize);
      const code = format === "int8" ? codes[i]! - 128 : ((codes[i >> 1]! >> (i % 2 === 0 ? 0 : 4)) & 15) - 8;
      out[row * columns + column] = code * scales[at]!;
    }
  }
  return out;
}
