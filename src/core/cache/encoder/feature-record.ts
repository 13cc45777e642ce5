/**
 * What a vision graph made of one picture, as it is kept: by name, in 16 bit where that is close enough, and as a record
 * of bytes that says whose it is and notices damage.
 *
 *   magic (8) · length of head (u32) · head: JSON { key, tensors: [{ name, dtype, bytes }] } · tensors · SHA-256 (32)
 */
import { createHash } from "node:crypto";
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

const magic = Buffer.from("OCELFTR1");
const digestBytes = 32;

export function encodeRecord(key: string, stored: StoredFeatures): Buffer {
  const tensors = stored.map(({ name, dtype, bytes }) => ({ name, dtype, bytes: bytes.byteLength }));
  const head = Buffer.from(JSON.stringify({ key, tensors }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const body = Buffer.concat([magic, length, head, ...stored.map(({ bytes }) => bytes)]);
  return Buffer.concat([body, sha256(body)]);
}

/** Undefined when a single bit is not as it was written. */
export function decodeRecord(record: Buffer): { key: string; stored: StoredFeatures } | undefined {
  const body = record.subarray(0, Math.max(0, record.length - digestBytes));
  if (!body.subarray(0, magic.length).equals(magic) || !sha256(body).equals(record.subarray(body.length)))
    return undefined;
  // From here on the bytes are what `encodeRecord` wrote: no one makes a SHA-256 fit by accident.
  let at = magic.length + 4;
  const headEnd = at + body.readUInt32LE(magic.length);
  const { key, tensors } = JSON.parse(body.toString("utf8", at, headEnd)) as Head;
  at = headEnd;
  const stored = tensors.map(({ name, dtype, bytes }) => {
    const part = Uint8Array.from(body.subarray(at, at + bytes)); // aligned, and the record can go
    at += bytes;
    return { name, dtype, bytes: part };
  });
  return { key, stored };
}

interface Head {
  readonly key: string;
  readonly tensors: readonly { readonly name: string; readonly dtype: StoredTensor["dtype"]; readonly bytes: number }[];
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
