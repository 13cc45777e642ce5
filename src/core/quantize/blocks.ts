/**
 * Float rows → blocks of small integers with one float32 scale each, in the layout of ONNX Runtime's MatMulNBits:
 * codes [rows, ceil(columns/block), block·bits/8], low nibble first; the last block is filled up with the zero point,
 * which is 8 or 128, or in `zeroPoints` [rows, ceil(blocks/2)], low nibble first. [onnxruntime docs/ContribOperators.md]
 *
 * int8: the value of largest magnitude keeps its sign and becomes the lowest code, so that all codes are used. int4: the
 * scale is searched, see scale-search.ts.
 */
import { invariant } from "../base/index.js";
import type { BlockFormat } from "../tensor/index.js";
import { notFinite, type Origin } from "./not-finite.js";
import { asymmetricScale, symmetricScale } from "./scale-search.js";

export interface QuantizedRows {
  readonly codes: Uint8Array;
  /** [rows, ceil(columns/block)] */
  readonly scales: Float32Array;
  /** Of formats with zero points. */
  readonly zeroPoints?: Uint8Array;
}

/** @throws `invalid_file` when a value is NaN or infinite, naming its place. */
export function quantizeRows(
  values: Float32Array,
  rows: number,
  columns: number,
  format: BlockFormat,
  origin?: Origin,
): QuantizedRows {
  invariant(values.length === rows * columns, `${values.length} values are not ${rows} rows of ${columns}`);
  const { blockSize } = format;
  const blocks = Math.ceil(columns / blockSize);
  const out = emptyRows(rows, blocks, format);
  const writeBlock = format.kind === "int8" ? writeInt8 : format.zeroPoints ? writeAsymmetric : writeInt4;
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < blocks; n++) {
      const start = row * columns + n * blockSize;
      const wasFinite = loadBlock(scratch, values, start, Math.min(blockSize, (row + 1) * columns - start), blockSize);
      if (!wasFinite) throw notFinite(values, columns, origin);
      writeBlock(scratch, out, row, n, blocks, blockSize);
    }
  }
  return out;
}

/** With room for all codes, which are zero. */
export function emptyRows(rows: number, blocks: number, { kind, blockSize, zeroPoints }: BlockFormat): QuantizedRows {
  return {
    codes: new Uint8Array((rows * blocks * blockSize) / (kind === "int4" ? 2 : 1)),
    scales: new Float32Array(rows * blocks),
    ...(zeroPoints && { zeroPoints: new Uint8Array(rows * Math.ceil(blocks / 2)) }),
  };
}

/** One block of values, filled up with zeros; larger than any block. Functions take it as an argument: V8 is slow on a module's variables. */
const scratch = new Float64Array(128);

/** The smallest and the largest value of the block last loaded; they enclose zero. */
const bounds = new Float64Array(2);

/** The value of largest magnitude of the block last loaded, with its sign. */
function extreme(): number {
  const low = bounds[0]!;
  const high = bounds[1]!;
  return high > -low ? high : low;
}

/** Copies a block, filled up with zeros, and measures it. False when a value is not finite. */
function loadBlock(
  block: Float64Array,
  values: Float32Array,
  start: number,
  count: number,
  blockSize: number,
): boolean {
  let low = 0;
  let high = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = values[start + i]!;
    block[i] = value;
    sum += value * 0; // NaN as soon as one value is not finite
    if (value > high) high = value;
    else if (value < low) low = value;
  }
  if (count < blockSize) block.fill(0, count, blockSize);
  bounds[0] = low;
  bounds[1] = high;
  return sum === 0;
}

type WriteBlock = (
  block: Float64Array,
  out: QuantizedRows,
  row: number,
  n: number,
  blocks: number,
  blockSize: number,
) => void;

const writeInt8: WriteBlock = (block, { codes, scales }, row, n, blocks, blockSize) => {
  const scale = Math.fround(extreme() / -128);
  const inverse = scale === 0 ? 0 : 1 / scale;
  const at = row * blocks + n;
  scales[at] = scale;
  for (let i = 0; i < blockSize; i++) {
    // Clamped on both sides: a denormal scale may round so far down that the extreme passes -128.
    codes[at * blockSize + i] = Math.max(0, Math.min(255, (block[i]! * inverse + 128.5) | 0));
  }
};

const writeInt4: WriteBlock = (block, { codes, scales }, row, n, blocks, blockSize) => {
  const largest = extreme();
  const scale = Math.fround(largest === 0 ? 0 : symmetricScale(block, blockSize, largest));
  scales[row * blocks + n] = scale;
  writeNibbles(block, codes, ((row * blocks + n) * blockSize) / 2, blockSize, scale, 8);
};

const writeAsymmetric: WriteBlock = (block, { codes, scales, zeroPoints }, row, n, blocks, blockSize) => {
  const range = bounds[1]! - bounds[0]!;
  const zeroPoint = range === 0 ? 8 : Math.round((-bounds[0]! / range) * 15);
  const scale = Math.fround(range === 0 ? 0 : asymmetricScale(block, blockSize, range, zeroPoint));
  scales[row * blocks + n] = scale;
  zeroPoints![row * Math.ceil(blocks / 2) + (n >> 1)]! |= zeroPoint << (n % 2 === 0 ? 0 : 4);
  writeNibbles(block, codes, ((row * blocks + n) * blockSize) / 2, blockSize, scale, zeroPoint);
};

/** Two codes a byte, the first in the low nibble. */
function writeNibbles(
  block: Float64Array,
  codes: Uint8Array,
  at: number,
  blockSize: number,
  scale: number,
  zeroPoint: number,
): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  const offset = zeroPoint + 0.5;
  for (let i = 0; i < blockSize; i += 2) {
    const low = Math.max(0, Math.min(15, (block[i]! * inverse + offset) | 0));
    const high = Math.max(0, Math.min(15, (block[i + 1]! * inverse + offset) | 0));
    codes[at + (i >> 1)] = low | (high << 4);
  }
}

/** The float32 values [rows, columns] that the codes stand for. */
export function dequantizeRows(
  { codes, scales, zeroPoints }: QuantizedRows,
  rows: number,
  columns: number,
  { kind, blockSize }: BlockFormat,
  out = new Float32Array(rows * columns),
): Float32Array {
  const blocks = Math.ceil(columns / blockSize);
  const readBlock = kind === "int8" ? readBytes : readNibbles;
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < blocks; n++) {
      const at = row * blocks + n;
      const zero = zeroPoints ? nibble(zeroPoints, row * 2 * Math.ceil(blocks / 2) + n) : kind === "int8" ? 128 : 8;
      const start = row * columns + n * blockSize;
      readBlock(codes, at * blockSize, out, start, Math.min(start + blockSize, (row + 1) * columns), zero, scales[at]!);
    }
  }
  return out;
}

/** Codes from `code` on → values [start, end) of `out`. */
type ReadBlock = (
  codes: Uint8Array,
  code: number,
  out: Float32Array,
  start: number,
  end: number,
  zero: number,
  scale: number,
) => void;

const readBytes: ReadBlock = (codes, code, out, start, end, zero, scale) => {
  for (let i = start; i < end; i++) out[i] = (codes[code + i - start]! - zero) * scale;
};

const readNibbles: ReadBlock = (codes, code, out, start, end, zero, scale) => {
  let at = code >> 1;
  for (let i = start; i < end; i += 2) {
    const pair = codes[at++]!;
    out[i] = ((pair & 15) - zero) * scale;
    if (i + 1 < end) out[i + 1] = ((pair >> 4) - zero) * scale;
  }
};

function nibble(bytes: Uint8Array, i: number): number {
  return (bytes[i >> 1]! >> (i % 2 === 0 ? 0 : 4)) & 15;
}
