/**
 * Features as a record of bytes that says whose it is and notices damage.
 *
 *   magic (8) · length of head (u32) · head: JSON { key, tensors: [{ name, dtype, bytes }] } · tensors · SHA-256 (32)
 */
import { createHash } from "node:crypto";
import type { StoredFeatures, StoredTensor } from "./features.js";

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
