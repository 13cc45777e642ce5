/**
 * The directory of a ZIP file, zip64 included, for PyTorch checkpoints: entries are STORED, so a tensor is a positioned
 * read. Sizes come from the central directory, since local headers may carry data descriptors instead.
 * [PKWARE APPNOTE 6.3.10; PyTorch caffe2/serialize/inline_container.cc]
 */
import { OcellusError } from "../base/index.js";
import type { RandomAccessFile } from "./file.js";

export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** 0 is STORED, the only method PyTorch writes. */
  readonly method: number;
  readonly localHeaderOffset: number;
}

const endRecordBytes = 22;
const maxCommentBytes = 65_535;
/** One entry a storage: the largest checkpoints have a few thousand tensors a shard. */
const maxDirectoryBytes = 64 * 2 ** 20;

export async function readZipDirectory(file: RandomAccessFile): Promise<Map<string, ZipEntry>> {
  const { offset, sizeBytes } = await locateDirectory(file);
  if (sizeBytes > maxDirectoryBytes)
    throw damaged(file, `its directory claims ${sizeBytes} bytes, the limit is ${maxDirectoryBytes}`);
  const bytes = await file.read(offset, sizeBytes);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < bytes.length; ) {
    const { entry, next } = parseEntry(file, bytes, at);
    if (entries.has(entry.name)) throw damaged(file, `it holds ${entry.name} twice`);
    entries.set(entry.name, entry);
    at = next;
  }
  return entries;
}

/** Where the entry's data starts: behind its local header, whose name and extra field have their own lengths. */
export async function dataOffset(file: RandomAccessFile, entry: ZipEntry): Promise<number> {
  if (entry.method !== 0) {
    throw new OcellusError(
      "unsupported",
      `${file.path}: ${entry.name} is compressed; PyTorch stores without compression, save it again`,
    );
  }
  const header = view(await file.read(entry.localHeaderOffset, 30));
  if (header.getUint32(0, true) !== 0x04034b50) throw damaged(file, `no local header for ${entry.name}`);
  const start = entry.localHeaderOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (start + entry.sizeBytes > file.size) throw damaged(file, `${entry.name} reaches past the end of the file`);
  return start;
}

async function locateDirectory(file: RandomAccessFile): Promise<{ offset: number; sizeBytes: number }> {
  const tailBytes = Math.min(file.size, endRecordBytes + maxCommentBytes + 20);
  const tail = view(await file.read(file.size - tailBytes, tailBytes));
  let at = tailBytes - endRecordBytes;
  while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) throw damaged(file, "its end record is missing: the file is cut short");
  const offset = tail.getUint32(at + 16, true);
  const isZip64 = at >= 20 && tail.getUint32(at - 20, true) === 0x07064b50;
  if (!isZip64) return { offset, sizeBytes: tail.getUint32(at + 12, true) };
  const record = view(await file.read(wide(file, tail, at - 20 + 8), 56));
  if (record.getUint32(0, true) !== 0x06064b50) throw damaged(file, "its zip64 end record is missing");
  return { offset: wide(file, record, 48), sizeBytes: wide(file, record, 40) };
}

function parseEntry(file: RandomAccessFile, bytes: Uint8Array, at: number): { entry: ZipEntry; next: number } {
  const header = view(bytes);
  if (at + 46 > bytes.length || header.getUint32(at, true) !== 0x02014b50)
    throw damaged(file, "its directory is damaged");
  const nameEnd = at + 46 + header.getUint16(at + 28, true);
  const extraEnd = nameEnd + header.getUint16(at + 30, true);
  const next = extraEnd + header.getUint16(at + 32, true);
  if (next > bytes.length) throw damaged(file, "its directory is cut short");
  const sizes = zip64Sizes(file, header, at, nameEnd, extraEnd);
  const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
  return { entry: { name, method: header.getUint16(at + 10, true), ...sizes }, next };
}

/** A 32-bit field of all ones means: the next 64-bit number of extra field 1, in this order. */
function zip64Sizes(file: RandomAccessFile, header: DataView, at: number, extraStart: number, extraEnd: number) {
  const fields = [header.getUint32(at + 24, true), header.getUint32(at + 20, true), header.getUint32(at + 42, true)];
  for (let extra = extraStart; extra + 4 <= extraEnd; ) {
    const end = Math.min(extraEnd, extra + 4 + header.getUint16(extra + 2, true));
    let next = extra + 4;
    for (let i = 0; header.getUint16(extra, true) === 1 && i < fields.length; i++) {
      if (fields[i] !== 0xffffffff || next + 8 > end) continue;
      fields[i] = wide(file, header, next);
      next += 8;
    }
    extra = end;
  }
  return { sizeBytes: fields[0]!, localHeaderOffset: fields[2]! };
}

function wide(file: RandomAccessFile, data: DataView, at: number): number {
  const value = data.getBigUint64(at, true);
  if (value > BigInt(file.size)) throw damaged(file, `it points to byte ${value}, past its end`);
  return Number(value);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(file: RandomAccessFile, reason: string): OcellusError {
  return new OcellusError("invalid_file", `${file.path} is not a whole PyTorch (zip) file: ${reason}`, {
    details: { path: file.path },
  });
}
