/**
 * NF4 as bitsandbytes stores it: the flattened matrix in blocks of 64, each divided by its largest magnitude (float32,
 * times the reciprocal), and rounded to the nearest of sixteen quantiles of the normal distribution; the first code of a
 * byte is the high nibble. [Dettmers et al., QLoRA, 2023, appendix E; bitsandbytes 0.50, backends/default/ops.py]
 *
 * Nested ("double quantised") scales: less their mean, in blocks of 256, each divided by its largest magnitude and rounded
 * to a table of 256 values that are dense near zero. [Dettmers, 8-bit Approximations, 2015; bitsandbytes, csrc/cpu_ops.cpp]
 */
import { invariant } from "../base/index.js";
import { notFinite, type Origin } from "./not-finite.js";

export const nf4BlockSize = 64;

/** The published table, as float32. */
export const nf4Values = Float32Array.of(
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453],
  ...[-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0],
  ...[0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
);

/** Codes [count/2], absolute maxima [count/64]. */
export interface Nf4Blocks {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
}

/** Halfway between neighbours; a value on the line takes the lower code. */
const midpoints = nf4Values.subarray(1).map((value, i) => (nf4Values[i]! + value) / 2);

/** x in [-1, 1] falls into one of 256 cells; each holds at most one midpoint, so a cell's code is off by at most one. */
const cellsPerUnit = 128;
const cellCodes = Uint8Array.from({ length: 2 * cellsPerUnit + 1 }, (_, cell) => codeOf(cell / cellsPerUnit - 1));

function codeOf(x: number): number {
  return midpoints.findLastIndex((middle) => x > middle) + 1;
}

/** @throws `invalid_file` when a value is NaN or infinite, naming its place; `columns` only serves to name it. */
export function quantizeNf4(values: Float32Array, columns: number, origin?: Origin): Nf4Blocks {
  invariant(values.length % nf4BlockSize === 0, `${values.length} values are not whole blocks of ${nf4BlockSize}`);
  const codes = new Uint8Array(values.length / 2);
  const scales = new Float32Array(values.length / nf4BlockSize);
  for (let n = 0; n < scales.length; n++) {
    const start = n * nf4BlockSize;
    const largest = largestMagnitude(values, start, start + nf4BlockSize);
    if (!(largest < Infinity)) throw notFinite(values, columns, origin);
    scales[n] = largest;
    const inverse = Math.fround(1 / Math.max(largest, 1e-38)); // the reference's floor: a block of zeros stays zeros
    for (let i = start; i < start + nf4BlockSize; i += 2) {
      codes[i >> 1] = (nearest(values[i]! * inverse) << 4) | nearest(values[i + 1]! * inverse);
    }
  }
  return { codes, scales };
}

function nearest(value: number): number {
  const x = Math.max(-1, Math.min(1, Math.fround(value)));
  const code = cellCodes[((x + 1) * cellsPerUnit) | 0]!;
  return code < 15 && x > midpoints[code]! ? code + 1 : code;
}

/** NaN if there is one. */
function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const size = Math.abs(values[i]!);
    if (!(size <= largest)) largest = size;
    if (Number.isNaN(size)) return size;
  }
  return largest;
}

/** Which values to restore, and what other 4-bit types of the same layout have in place of NF4's. */
interface Nf4Range {
  readonly start?: number;
  readonly end?: number;
  readonly blockSize?: number;
  readonly table?: Float32Array;
}

/** The values that the codes stand for. */
export function dequantizeNf4({ codes, scales }: Nf4Blocks, range: Nf4Range = {}): Float32Array {
  const { start = 0, end = codes.length * 2, blockSize = nf4BlockSize, table = nf4Values } = range;
  const out = new Float32Array(end - start);
  for (let i = start; i < end; i++) {
    const code = (codes[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15;
    out[i - start] = table[code]! * scales[Math.floor(i / blockSize)]!;
  }
  return out;
}

export interface NestedScales {
  /** [ceil(count/256)·256]: what is behind the last scale is never read. */
  readonly codes: Uint8Array;
  /** [ceil(count/256)] */
  readonly scales: Float32Array;
  /** [256] */
  readonly table: Float32Array;
  readonly offset: number;
}

export const nestedBlockSize = 256;

/**
 * The reference sums float32 in an order that depends on the machine's vector width, so its `offset` is only known to
 * rounding; given the same offset, all else is bit-equal.
 */
export function nestScales(absmax: Float32Array, offset = mean(absmax)): NestedScales {
  const numBlocks = Math.ceil(absmax.length / nestedBlockSize);
  const codes = new Uint8Array(numBlocks * nestedBlockSize);
  const scales = new Float32Array(numBlocks);
  const centred = absmax.map((value) => value - offset);
  for (let n = 0; n < numBlocks; n++) {
    const [start, end] = [n * nestedBlockSize, Math.min((n + 1) * nestedBlockSize, absmax.length)];
    scales[n] = largestMagnitude(centred, start, end);
    if (scales[n] === 0) continue; // the reference's codes are then 0 as well
    const inverse = Math.fround(1 / scales[n]!);
    for (let i = start; i < end; i++) codes[i] = dynamicCodes()[bin(Math.fround(centred[i]! * inverse))]!;
  }
  return { codes, scales, table: dynamicTable, offset };
}

/** As the reference: two float32 roundings. */
export function unnestScales(nested: NestedScales, count: number): Float32Array {
  const { codes, scales, table, offset } = nested;
  return Float32Array.from({ length: count }, (_, i) =>
    Math.fround(Math.fround(table[codes[i]!]! * scales[Math.floor(i / nestedBlockSize)]!) + offset),
  );
}

function mean(values: Float32Array): number {
  return Math.fround(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** Seven decades; each has twice as many values as the one below, evenly spaced between 0.1 and 1; both signs, 0 and 1. */
const dynamicTable: Float32Array = (() => {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const count = 2 ** decade;
    for (let i = 0; i < count; i++) {
      const middle = Math.fround((boundary(i, count) + boundary(i + 1, count)) / 2);
      const value = Math.fround(10 ** (decade - 6)) * middle;
      values.push(value, -value);
    }
  }
  return Float32Array.from(values).sort();
})();

/** The i-th of count + 1 points from 0.1 to 1, in float32 from the nearer end, as torch.linspace counts. */
function boundary(i: number, count: number): number {
  const step = Math.fround(Math.fround(1 - Math.fround(0.1)) / count);
  return i < (count + 1) / 2 ? Math.fround(Math.fround(0.1) + step * i) : Math.fround(1 - step * (count - i));
}

const numBins = 65536;

/** The reference's CPU code rounds to one of 65,536 bins first. */
function bin(x: number): number {
  const clamped = Math.max(-1, Math.min(1, x));
  return Math.trunc(Math.fround(Math.fround(Math.fround(Math.fround(clamped + 1) * 0.5) * (numBins - 1)) + 0.5));
}

let codesOfBins: Uint8Array | undefined;

/** The nearest entry of the table for each bin. */
function dynamicCodes(): Uint8Array {
  if (codesOfBins) return codesOfBins;
  let code = 0;
  codesOfBins = Uint8Array.from({ length: numBins }, (_, i) => {
    const value = Math.fround(-1 + Math.fround(Math.fround(2 * i) / (numBins - 1)));
    while (code < 255 && Math.fround(0.5 * Math.fround(dynamicTable[code]! + dynamicTable[code + 1]!)) < value) code++;
    return code;
  });
  return codesOfBins;
}
