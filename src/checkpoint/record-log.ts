/**
 * A file of records that only grows, so that adding costs what is added, and a reader sees what others have written by
 * reading on. Killed at any moment, what was synced is whole: a last record that is not, is cut off by the next writer.
 *
 *   "OCEN" · bytes of JSON (u32) · bytes of the vector (u32) · JSON · vector (float32, little-endian) · SHA-256 (first 16)
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ioError, OcellusError } from "../base/index.js";

export interface LogRecord {
  readonly json: unknown;
  readonly vector: Float32Array;
}

const mark = Buffer.from("OCEN");
const headBytes = mark.length + 8;
const sumBytes = 16;
/** An entry's text and metadata take a tenth of this. */
const maxJsonBytes = 2 ** 20;
/** 16,384 dimensions: four times the widest vision tower in reach. */
const maxVectorBytes = 2 ** 16;
const blockBytes = 4 * 2 ** 20;

export function encodeLogRecord(json: unknown, vector: Float32Array = new Float32Array()): Buffer {
  const text = Buffer.from(JSON.stringify(json));
  const head = Buffer.alloc(headBytes);
  mark.copy(head);
  head.writeUInt32LE(text.length, mark.length);
  head.writeUInt32LE(vector.byteLength, mark.length + 4);
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  const body = Buffer.concat([head, text, bytes]);
  return Buffer.concat([body, checksum(body)]);
}

/**
 * Hands on every record from `start`; resolves to where the last whole one ends.
 * @throws `invalid_file` for damage before the end, `not_found`, `io`.
 */
export async function readLog(path: string, start: number, onRecord: (record: LogRecord) => void): Promise<number> {
  const file = await open(path, "r").catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  try {
    const { size } = await file.stat();
    let [at, held] = [start, Buffer.alloc(0)];
    while (at + held.length < size || held.length > 0) {
      const record = decodeLogRecord(held);
      if (record && "bytes" in record) {
        onRecord(record);
        held = held.subarray(record.bytes);
        at += record.bytes;
        continue;
      }
      const more = record ? await readBlock(file, at + held.length, size) : undefined;
      if (!more || more.length === 0) {
        await checkTail(file, at, size, path);
        break;
      }
      held = Buffer.concat([held, more]);
    }
    return at;
  } finally {
    await file.close();
  }
}

type Decoded = (LogRecord & { readonly bytes: number }) | { readonly isCut: true };

/** Undefined: no record begins here. */
function decodeLogRecord(held: Buffer): Decoded | undefined {
  if (held.length < headBytes) return { isCut: true };
  if (!held.subarray(0, mark.length).equals(mark)) return undefined;
  const [jsonBytes, vectorBytes] = [held.readUInt32LE(mark.length), held.readUInt32LE(mark.length + 4)];
  if (jsonBytes > maxJsonBytes || vectorBytes > maxVectorBytes || vectorBytes % 4 !== 0) return undefined;
  const end = headBytes + jsonBytes + vectorBytes;
  if (held.length < end + sumBytes) return { isCut: true };
  if (!checksum(held.subarray(0, end)).equals(held.subarray(end, end + sumBytes))) return undefined;
  const vector = new Float32Array(Uint8Array.from(held.subarray(headBytes + jsonBytes, end)).buffer); // aligned by copying
  return { json: JSON.parse(held.toString("utf8", headBytes, headBytes + jsonBytes)), vector, bytes: end + sumBytes };
}

async function readBlock(file: FileHandle, at: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.min(blockBytes, size - at));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
  return buffer.subarray(0, bytesRead);
}

/** What follows the last whole record is a write that was cut short, unless whole records stand behind it. */
async function checkTail(file: FileHandle, at: number, size: number, path: string): Promise<void> {
  const tail = await readBlock(file, at, size);
  for (let next = tail.indexOf(mark, 1); next >= 0; next = tail.indexOf(mark, next + 1)) {
    const found = decodeLogRecord(tail.subarray(next));
    if (found && "bytes" in found)
      throw new OcellusError(
        "invalid_file",
        `${path}: the record at byte ${at} is damaged, and others follow; remove what it belongs to and make it again`,
        { details: { path, at } },
      );
  }
}

function checksum(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, sumBytes);
}
