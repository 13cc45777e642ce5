/**
 * Exact widening of every float format to float32, and round-to-nearest-even narrowing to f16 and bf16.
 * Formulas: IEEE 754-2019 for f16; bf16 is the upper half of a float32; f8 formats as in "FP8 Formats for Deep
 * Learning" (Micikevicius et al., 2022): e4m3 has no infinity and one NaN pattern, e5m2 is IEEE-like.
 * Formats but bf16 go through a table of all their values: one lookup an element.
 */
import { invariant } from "../base/index.js";
import { type DType, elementBytes } from "./dtype.js";
import { elementCount, type Tensor } from "./tensor.js";

/** Value of a small float with `exponentBits` and `mantissaBits`; IEEE-like except for e4m3's missing infinity. */
function widenSmallFloat(bits: number, exponentBits: number, mantissaBits: number, hasInfinity: boolean): number {
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponentMask = (1 << exponentBits) - 1;
  const mantissaMask = (1 << mantissaBits) - 1;
  const exponent = (bits >> mantissaBits) & exponentMask;
  const mantissa = bits & mantissaMask;
  const bias = exponentMask >> 1;
  if (exponent === exponentMask && hasInfinity) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === exponentMask && mantissa === mantissaMask) return NaN; // e4m3: S.1111.111 only
  const fraction = mantissa / 2 ** mantissaBits;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

function lazyTable(size: number, value: (bits: number) => number): () => Float32Array {
  let table: Float32Array | undefined;
  return () => {
    table ??= Float32Array.from({ length: size }, (_, bits) => value(bits));
    return table;
  };
}

const widenTables = {
  f16: lazyTable(65536, (bits) => widenSmallFloat(bits, 5, 10, true)),
  f8_e4m3: lazyTable(256, (bits) => widenSmallFloat(bits, 4, 3, false)),
  f8_e5m2: lazyTable(256, (bits) => widenSmallFloat(bits, 5, 2, true)),
} as const;

/** A copy of `bytes` when its offset is not a multiple of `alignment`, else `bytes` itself. */
function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : bytes.slice();
}

/**
 * `bytes` seen as float32 values, widened exactly where the format is narrower; f64 is rounded, i64 goes through double.
 * `scratch`, if as long as the values or longer, may hold them: in a loop, fresh memory costs more than the conversion.
 */
export function toFloat32(bytes: Uint8Array, dtype: DType, scratch?: Float32Array<ArrayBuffer>): Float32Array {
  const size = elementBytes(dtype);
  invariant(bytes.byteLength % size === 0, `${bytes.byteLength} bytes are not a whole number of ${dtype} elements`);
  const source = aligned(bytes, size);
  const { buffer, byteOffset } = source;
  const length = source.byteLength / size;
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, byteOffset, length);
    case "bf16":
      return widenBFloat16(new Uint16Array(buffer, byteOffset, length), room(length, scratch));
    case "f16":
      return lookUp(new Uint16Array(buffer, byteOffset, length), widenTables.f16(), room(length, scratch));
    case "f8_e4m3":
    case "f8_e5m2":
      return lookUp(source, widenTables[dtype](), room(length, scratch));
    case "f64":
      return Float32Array.from(new Float64Array(buffer, byteOffset, length));
    case "i64":
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, length), Number);
    case "i32":
      return Float32Array.from(new Int32Array(buffer, byteOffset, length));
    case "i16":
      return Float32Array.from(new Int16Array(buffer, byteOffset, length));
    case "i8":
      return Float32Array.from(new Int8Array(buffer, byteOffset, length));
    case "u8":
    case "bool":
      return Float32Array.from(source);
    default:
      return dtype satisfies never;
  }
}

function room(length: number, scratch: Float32Array<ArrayBuffer> | undefined): Float32Array {
  return scratch && scratch.length >= length ? scratch.subarray(0, length) : new Float32Array(length);
}

function widenBFloat16(codes: Uint16Array, out: Float32Array): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i]! << 16;
  return out;
}

function lookUp(codes: Uint8Array | Uint16Array, table: Float32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]!]!;
  return out;
}

/** float32 → f16 bits, round to nearest even, overflow to infinity, NaN kept. */
export function toFloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = float16Bits(bits[i]!);
  return out;
}

function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and above, infinity
  if (magnitude >= 0x38800000) {
    // normal: rebias 127 → 15, then round the 13 dropped bits; a carry into the exponent is the right answer
    return sign | roundShift(magnitude - 0x38000000, 13);
  }
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // below half of the smallest subnormal
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const quotient = value >>> shift;
  const rest = value & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && quotient & 1) ? quotient + 1 : quotient;
}

/** float32 → bf16 bits, round to nearest even, NaN kept. */
export function toBFloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const isNotANumber = (bits[i]! & 0x7fffffff) > 0x7f800000;
    out[i] = isNotANumber ? (bits[i]! >>> 16) | 0x40 : roundShift(bits[i]!, 16);
  }
  return out;
}

/** The bytes behind a typed array, without a copy. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A float32 tensor from values, for tests and fixtures. */
export function float32Tensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  invariant(values.length === elementCount(shape), `${name}: ${values.length} values for shape [${shape}]`);
  return { name, dtype: "f32", shape, bytes: bytesOf(values) };
}
