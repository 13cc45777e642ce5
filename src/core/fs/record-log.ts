/**
 * A file of records that only grows, so that adding costs what is added, and a reader sees what others have written by
 * reading on. Killed at any moment, what was synced is whole: a last record that was cut short goes with the next write.
 * A damaged part costs the records in it and no other: the next whole one is found by its mark and checksum.
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
const maxRecordBytes = headBytes + maxJsonBytes + maxVectorBytes + sumBytes;
const blockBytes = 4 * 2 ** 20;
/** Of a damaged part: the labels of a few entries. */
const namedBytes = 64 * 2 ** 10;

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

/** A part of a log that is no record, with others behind it or nothing that a write cut short could have left. */
export interface LogDamage {
  readonly at: number;
  readonly bytes: number;
  /** The first of its bytes: perhaps enough to say what is lost. Unproven. */
  readonly head: Buffer;
}

/**
 * Hands on every whole record from `start`, and what is damaged between and behind them; resolves to where the next record
 * is to be written: behind the last whole one or the damage, in place of what a write that was cut short has left.
 * @throws `invalid_file` for damage with records behind it where `onDamage` is left out; `not_found`, `io`.
 */
export async function readLog(
  path: string,
  start: number,
  onRecord: (record: LogRecord) => void,
  onDamage?: (damage: LogDamage) => void,
): Promise<number> {
  const file = await open(path, "r").catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  try {
    const log = new LogWindow(file, start, (await file.stat()).size);
    for (;;) {
      const record = decodeLogRecord(log.held);
      if (record && "bytes" in record) {
        onRecord(record);
        log.drop(record.bytes);
      } else if (!(record && (await log.more()))) {
        const isCut = await log.endsCutShort();
        const [at, head] = [log.at, log.held.subarray(0, namedBytes)];
        if (isCut || (!(await log.skipDamage()) && !onDamage)) return at;
        if (!onDamage) throw damaged(path, at);
        onDamage({ at, bytes: log.at - at, head: head.subarray(0, log.at - at) });
      }
    }
  } finally {
    await file.close();
  }
}

function damaged(path: string, at: number): OcellusError {
  return new OcellusError(
    "invalid_file",
    `${path}: the record at byte ${at} is damaged, and others follow; remove what it belongs to and make it again`,
    { details: { path, at } },
  );
}

/** The part of a file that is looked at: `held` begins at byte `at`. */
class LogWindow {
  held: Buffer = Buffer.alloc(0);
  at: number;
  readonly #file: FileHandle;
  readonly #size: number;

  constructor(file: FileHandle, at: number, size: number) {
    this.#file = file;
    this.at = at;
    this.#size = size;
  }

  drop(bytes: number): void {
    this.held = this.held.subarray(bytes);
    this.at += bytes;
  }

  /** Whether there was more. */
  async more(): Promise<boolean> {
    const at = this.at + this.held.length;
    const buffer = Buffer.alloc(Math.max(0, Math.min(blockBytes, this.#size - at)));
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
    this.held = Buffer.concat([this.held, buffer.subarray(0, bytesRead)]);
    return bytesRead > 0;
  }

  /** To the next whole record, and whether there is one; without one, to the end. */
  async skipDamage(): Promise<boolean> {
    this.drop(Math.min(1, this.held.length));
    for (;;) {
      const next = this.held.indexOf(mark);
      this.drop(next < 0 ? Math.max(0, this.held.length - mark.length + 1) : next);
      const found = next < 0 ? undefined : decodeLogRecord(this.held);
      if (found && "bytes" in found) return true;
      if ((next < 0 || found) && (await this.more())) continue;
      this.drop(next < 0 ? this.held.length : 1);
      if (next < 0) return false;
    }
  }

  /**
   * Whether nothing is left, or what a write leaves that was cut short: the first part of a record, with zeros behind it
   * where the file system had made room already. Whole records behind it make it damage.
   */
  async endsCutShort(): Promise<boolean> {
    let hasMore = true;
    while (hasMore && this.held.length <= maxRecordBytes) hasMore = await this.more();
    if (this.at + this.held.length < this.#size) return false;
    const numZeros = this.held.length - lengthWithoutZeros(this.held);
    const written = numZeros < sumBytes ? this.held : this.held.subarray(0, this.held.length - numZeros);
    return (written.length === 0 || isFirstPart(written)) && !this.#hasRecord();
  }

  #hasRecord(): boolean {
    for (let next = this.held.indexOf(mark, 1); next >= 0; next = this.held.indexOf(mark, next + 1)) {
      const found = decodeLogRecord(this.held.subarray(next));
      if (found && "bytes" in found) return true;
    }
    return false;
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

function isFirstPart(bytes: Buffer): boolean {
  const beginning = bytes.subarray(0, mark.length);
  if (!mark.subarray(0, beginning.length).equals(beginning)) return false;
  const record = decodeLogRecord(bytes);
  return record !== undefined && "isCut" in record;
}

function lengthWithoutZeros(bytes: Buffer): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

function checksum(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, sumBytes);
}
