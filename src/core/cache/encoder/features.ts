/** What a vision graph made of one picture, as it is kept: by name, in 16 bit where that is close enough. */
import { bytesOf, type DType, toFloat16Bits, toFloat32 } from "../../tensor/index.js";

/** Outputs of the vision graph by name. */
export type Features = Readonly<Record<string, Float32Array>>;

export interface StoredTensor {
  readonly name: string;
  readonly dtype: Extract<DType, "f16" | "f32">;
  readonly bytes: Uint8Array;
}

export type StoredFeatures = readonly StoredTensor[];

/**
 * Half a unit in the last of f16's eleven bits: what rounding may cost the largest value. Where f16 does worse (beyond 65,504,
 * or all values so small that they lose bits) the tensor stays f32. Why f16 and not bf16: docs/decisions/0006.
 */
const tolerance = 2 ** -11;

export function toStored(features: Features): StoredFeatures {
  return Object.entries(features).map(([name, values]) => {
    const half = bytesOf(toFloat16Bits(values));
    return isClose(toFloat32(half, "f16"), values)
      ? { name, dtype: "f16", bytes: half }
      : { name, dtype: "f32", bytes: bytesOf(values).slice() };
  });
}

export function fromStored(stored: StoredFeatures): Features {
  return Object.fromEntries(stored.map(({ name, dtype, bytes }) => [name, toFloat32(bytes, dtype)]));
}

export function storedBytes(stored: StoredFeatures): number {
  return stored.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
}

function isClose(rounded: Float32Array, values: Float32Array): boolean {
  let largest = 0;
  let error = 0;
  for (let i = 0; i < values.length; i++) {
    largest = Math.max(largest, Math.abs(values[i]!));
    error = Math.max(error, Math.abs(values[i]! - rounded[i]!));
  }
  return error <= tolerance * largest; // false where there is a NaN
}
