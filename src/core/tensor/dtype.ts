/** Element types, spelled once. Sizes in bytes; safetensors and PyTorch spellings live with their readers. */

export const dtypes = [
  "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2",
  "i64", "i32", "i16", "i8", "u8", "bool",
] as const; // biome-ignore format: two rows, floats and the rest

export type DType = (typeof dtypes)[number];

const bytesPerElement: Readonly<Record<DType, number>> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  f8_e4m3: 1,
  f8_e5m2: 1,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Keys and values of tokens: as they are, or int8 codes with scales elsewhere. */
export type KvValues = Float32Array | Int8Array;

/** Size of one element in bytes. */
export function elementBytes(dtype: DType): number {
  return bytesPerElement[dtype];
}
