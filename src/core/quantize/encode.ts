/** Float rows → the stored parts of a weight in any format, and back. Scales of whole tensors are nested by `nestedParts`. */
import { bytesOf, toFloat16Bits, toFloat32, type WeightFormat } from "../tensor/index.js";
import { dequantizeRows, quantizeRows } from "./blocks.js";
import { dequantizeNf4, type NestedScales, nestScales, quantizeNf4, unnestScales } from "./nf4.js";
import { expectFinite, notFinite, type Origin } from "./not-finite.js";
import { dequantizeChannels, quantizeChannels } from "./w8a8.js";

/** Rows of one matrix, as float32. */
export interface FloatRows {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly origin?: Origin;
}

/** What is stored of some rows, little-endian. Nested formats: `scales` are still float32. W8A8: `values` are still row by row. */
export interface EncodedRows {
  readonly values: Uint8Array;
  readonly scales?: Uint8Array;
  readonly zero_points?: Uint8Array;
}

/** @throws `invalid_file` naming the place of a value that is NaN or infinite, or that the format cannot hold. */
export function encodeRows({ values, rows, columns, origin }: FloatRows, format: WeightFormat): EncodedRows {
  switch (format.kind) {
    case "f32":
      expectFinite(values, columns, origin);
      return { values: bytesOf(values) };
    case "f16":
      return { values: bytesOf(finiteFloat16(values, columns, origin)) };
    case "int8":
    case "int4": {
      const { codes, scales, zeroPoints } = quantizeRows(values, rows, columns, format, origin);
      return { values: codes, scales: bytesOf(scales), ...(zeroPoints && { zero_points: zeroPoints }) };
    }
    case "nf4": {
      const { codes, scales } = quantizeNf4(values, columns, origin);
      return { values: codes, scales: bytesOf(scales) };
    }
    case "w8a8": {
      const { codes, scales } = quantizeChannels(values, columns, origin);
      return { values: bytesOf(codes), scales: bytesOf(scales) };
    }
    default:
      return format satisfies never;
  }
}

/** Halfway between the largest f16 and the first power of two beyond: from here on f16 rounds to infinity. */
const float16Limit = 65520;

function finiteFloat16(values: Float32Array, columns: number, origin?: Origin): Uint16Array {
  const bits = toFloat16Bits(values);
  if (bits.some((value) => (value & 0x7c00) === 0x7c00)) throw notFinite(values, columns, origin, float16Limit);
  return bits;
}

/** The parts of a whole tensor's nested scales. */
export interface NestedParts {
  readonly scales: Uint8Array;
  readonly nested_scales: Uint8Array;
  readonly nested_table: Uint8Array;
  readonly offset: Uint8Array;
}

export function nestedParts({ codes, scales, table, offset }: NestedScales): NestedParts {
  const parts = {
    nested_scales: bytesOf(scales),
    nested_table: bytesOf(table),
    offset: bytesOf(Float32Array.of(offset)),
  };
  return { scales: codes, ...parts };
}

/** The float32 values that a whole matrix comes back as, once stored in `format`: what the error of a format is measured on. */
export function restoredRows(source: FloatRows, format: WeightFormat): Float32Array {
  const { values, rows, columns } = source;
  switch (format.kind) {
    case "f32":
      return values;
    case "f16":
      return toFloat32(encodeRows(source, format).values, "f16");
    case "int8":
    case "int4":
      return dequantizeRows(quantizeRows(values, rows, columns, format, source.origin), rows, columns, format);
    case "nf4": {
      const blocks = quantizeNf4(values, columns, source.origin);
      if (!format.nested) return dequantizeNf4(blocks);
      const scales = unnestScales(nestScales(blocks.scales), blocks.scales.length);
      return dequantizeNf4({ ...blocks, scales });
    }
    case "w8a8":
      return dequantizeChannels(quantizeChannels(values, columns, source.origin), columns);
    default:
      return format satisfies never;
  }
}
