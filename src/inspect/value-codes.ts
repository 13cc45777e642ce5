/**
 * Values as 65,536 codes, so that one table of counts holds a whole distribution: the bits of an f16 themselves, and of
 * anything else the upper half of its float32, which is a bf16 cut off. Order statistics from such counts are exact for
 * formats of two bytes and less; of wider ones they are up to 1/128 too near to zero.
 */
import { bytesOf, type DType, toFloat32 } from "../core/tensor/index.js";

export const numCodes = 65_536;

export interface CodeTable {
  /** The value of each code. */
  readonly values: Float32Array;
  /** Its square; 0 where it is NaN or infinite. */
  readonly squares: Float64Array;
  /** Codes of finite values, smallest value first. */
  readonly ascending: Uint16Array;
  readonly infinities: Uint16Array;
  readonly nans: Uint16Array;
}

const tables = new Map<string, CodeTable>();

export function codeTable(dtype: DType): CodeTable {
  const reading = dtype === "f16" ? "f16" : "bf16";
  const known = tables.get(reading);
  if (known) return known;
  const codes = Uint16Array.from({ length: numCodes }, (_, code) => code);
  const values = toFloat32(bytesOf(codes), reading);
  const squares = Float64Array.from(values, (value) => (Number.isFinite(value) ? value * value : 0));
  const ascending = codes.filter((code) => Number.isFinite(values[code])).sort((a, b) => values[a]! - values[b]!);
  const infinities = codes.filter((code) => Math.abs(values[code]!) === Number.POSITIVE_INFINITY);
  const nans = codes.filter((code) => Number.isNaN(values[code]));
  const table = { values, squares, ascending, infinities, nans };
  tables.set(reading, table);
  return table;
}
