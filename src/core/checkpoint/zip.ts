/**
 * The directory of a ZIP file, zip64 included, for PyTorch checkpoints: entries are STORED, so a tensor is a positioned
 * read. Sizes come from the central directory, since local headers may carry data descriptors instead.
 *
 * What a whole file of torch.save never has (encrypted entries, paths that leave the folder, entries that lie upon each
 * other, two headers that contradict each other) is listed as problems: opening refuses them, an audit reads on.
 * [PKWARE APPNOTE 6.3.10; PyTorch caffe2/serialize/inline_container.cc]
 */
import { OcellusError, shorten } from "../base/index.js";
import type { ByteSource } from "../fs/index.js";
import { crc32 } from "../fs/index.js";

export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** In the file: the same where nothing is compressed. */
  readonly storedBytes: number;
  /** 0 is STORED, the only method PyTorch writes. */
  readonly method: number;
  readonly isEncrypted: boolean;
  /** 0: not computed, as `torch.serialization.set_crc32_options(False)` leaves it. */
  readonly crc: number;
  readonly localHeaderOffset: number;
}

export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  readonly problems: readonly ZipProblem[];
}

/** What contradicts itself, in words and as facts. */
export interface ZipProblem {
  readonly text: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const endRecordBytes = 22;
const localHeaderBytes = 30;
const maxCommentBytes = 65_535;
/** One entry of 100 bytes a storage makes 160,000 storages; the largest checkpoints have a few thousand a shard. */
const maxDirectoryBytes = 16 * 2 ** 20;
/** Flag bits: encrypted, strong encryption, masked local headers. */
const encryptedFlags = 0x1 | 0x40 | 0x2000;

/** The entries by name. @throws `invalid_file` when anything about the directory is not as it should be. */
export async function readZipDirectory(file: ByteSource): Promise<Map<string, ZipEntry>> {
  const { entries, problems } = await listZip(file);
  if (problems[0]) throw damaged(file, problems[0].text, problems[0].details);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

/** All entries in the directory's order, two of one name included. @throws `invalid_file` when there is no directory. */
export async function listZip(file: ByteSource): Promise<ZipDirectory> {
  const directory = await locateDirectory(file);
  if (directory.sizeBytes > maxDirectoryBytes)
    throw damaged(file, `its directory claims ${directory.sizeBytes} bytes, the limit is ${maxDirectoryBytes}`, {
      part: "directory",
      limit: maxDirectoryBytes,
    });
  const bytes = await file.read(directory.offset, directory.sizeBytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { entry, next } = parseEntry(file, bytes, at);
    entries.push(entry);
    at = next;
  }
  return { entries, problems: directoryProblems(directory, entries) };
}

/** The contents of a stored entry, checked against their checksum. @throws `invalid_file`, `too_large`, `unsupported`. */
export async function readStoredEntry(file: ByteSource, entry: ZipEntry, maxBytes: number): Promise<Uint8Array> {
  const { name, sizeBytes, crc } = entry;
  if (sizeBytes > maxBytes) {
    const message = `${file.path}: ${shorten(name)} has ${sizeBytes} bytes, the limit is ${maxBytes}`;
    throw new OcellusError("too_large", message, { details: { path: file.path, entry: name, limit: maxBytes } });
  }
  const bytes = await file.read(await storedOffset(file, entry), sizeBytes);
  if (crc !== 0 && crc32(bytes) !== crc)
    throw damaged(file, `the checksum of ${shorten(name)} does not fit its bytes`, { entry: name, part: "checksum" });
  return bytes;
}

/** Where a stored entry's data start. @throws `unsupported` when compressed, `invalid_file` for a header that lies. */
export async function storedOffset(file: ByteSource, entry: ZipEntry): Promise<number> {
  if (entry.method !== 0) {
    const message = `${file.path}: ${shorten(entry.name)} is compressed; PyTorch stores without compression, save it again`;
    throw new OcellusError("unsupported", message, {
      details: { path: file.path, entry: entry.name, method: entry.method },
    });
  }
  const { offset, problems } = await entryData(file, entry);
  if (problems[0]) throw damaged(file, problems[0].text, problems[0].details);
  return offset;
}

/** Where the entry's data start: behind its local header, whose name and extra field have their own lengths. */
export async function entryData(
  file: ByteSource,
  entry: ZipEntry,
): Promise<{ offset: number; problems: ZipProblem[] }> {
  const name = shorten(entry.name);
  const bytes = await file.read(
    entry.localHeaderOffset,
    Math.min(localHeaderBytes, file.size - entry.localHeaderOffset),
  );
  const header = view(bytes);
  if (bytes.length < localHeaderBytes || header.getUint32(0, true) !== 0x04034b50)
    throw damaged(file, `no local header for ${name}`, { entry: entry.name, part: "local header" });
  const nameBytes = header.getUint16(26, true);
  const offset = entry.localHeaderOffset + localHeaderBytes + nameBytes + header.getUint16(28, true);
  if (offset + entry.storedBytes > file.size)
    throw damaged(file, `${name} reaches past the end of the file`, { entry: entry.name, part: "contents" });
  const localName = decodeName(await file.read(entry.localHeaderOffset + localHeaderBytes, nameBytes));
  const problems: ZipProblem[] = [];
  const contradict = (text: string, field: string) => problems.push({ text, details: { entry: entry.name, field } });
  if (localName !== entry.name) contradict(`${name} is called ${shorten(localName)} in its local header`, "name");
  if (header.getUint16(8, true) !== entry.method)
    contradict(`the two headers of ${name} name different methods`, "method");
  return { offset, problems };
}

interface Directory {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly numEntries: number;
  /** Where the record that gave these numbers stands: right behind the directory. */
  readonly recordOffset: number;
}

async function locateDirectory(file: ByteSource): Promise<Directory> {
  const tailBytes = Math.min(file.size, endRecordBytes + maxCommentBytes + 20);
  const tailOffset = file.size - tailBytes;
  const tail = view(await file.read(tailOffset, tailBytes));
  let at = tailBytes - endRecordBytes;
  while (at >= 0 && tail.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) throw damaged(file, "its end record is missing: the file is cut short", { part: "end record" });
  const isZip64 = at >= 20 && tail.getUint32(at - 20, true) === 0x07064b50;
  if (!isZip64) {
    const [sizeBytes, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    return { offset, sizeBytes, numEntries: tail.getUint16(at + 10, true), recordOffset: tailOffset + at };
  }
  const recordOffset = wide(file, tail, at - 20 + 8);
  const record = view(await file.read(recordOffset, 56));
  if (record.getUint32(0, true) !== 0x06064b50)
    throw damaged(file, "its zip64 end record is missing", { part: "zip64 end record" });
  const [numEntries, sizeBytes, offset] = [wide(file, record, 32), wide(file, record, 40), wide(file, record, 48)];
  return { offset, sizeBytes, numEntries, recordOffset };
}

function parseEntry(file: ByteSource, bytes: Uint8Array, at: number): { entry: ZipEntry; next: number } {
  const header = view(bytes);
  if (at + 46 > bytes.length || header.getUint32(at, true) !== 0x02014b50)
    throw damaged(file, "its directory is damaged", { part: "directory" });
  const nameEnd = at + 46 + header.getUint16(at + 28, true);
  const extraEnd = nameEnd + header.getUint16(at + 30, true);
  const next = extraEnd + header.getUint16(at + 32, true);
  if (next > bytes.length) throw damaged(file, "its directory is cut short", { part: "directory" });
  const entry = {
    name: decodeName(bytes.subarray(at + 46, nameEnd)),
    method: header.getUint16(at + 10, true),
    isEncrypted: (header.getUint16(at + 8, true) & encryptedFlags) !== 0,
    crc: header.getUint32(at + 16, true),
    ...zip64Sizes(file, header, at, nameEnd, extraEnd),
  };
  return { entry, next };
}

/** A 32-bit field of all ones means: the next 64-bit number of extra field 1, in this order. */
function zip64Sizes(file: ByteSource, header: DataView, at: number, extraStart: number, extraEnd: number) {
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
  return { sizeBytes: fields[0]!, storedBytes: fields[1]!, localHeaderOffset: fields[2]! };
}

function directoryProblems(directory: Directory, entries: readonly ZipEntry[]): ZipProblem[] {
  const { offset, sizeBytes, numEntries, recordOffset } = directory;
  const problems: ZipProblem[] = [];
  if (offset + sizeBytes !== recordOffset)
    problems.push({
      text: `its directory is said to end at byte ${offset + sizeBytes}, its end record stands at ${recordOffset}`,
      details: { part: "directory", expected: recordOffset, found: offset + sizeBytes },
    });
  if (numEntries !== entries.length && numEntries !== entries.length % 0x10000)
    problems.push({
      text: `it claims ${numEntries} entries, its directory holds ${entries.length}`,
      details: { part: "directory", expected: numEntries, found: entries.length },
    });
  const names = new Set<string>();
  for (const entry of entries) {
    const [field, text] = entryProblem(entry, names) ?? [];
    if (text !== undefined) problems.push({ text, details: { entry: entry.name, field } });
    names.add(entry.name);
  }
  return [...problems, ...overlapProblems(entries, offset)];
}

/** The field that is wrong, and how. */
function entryProblem(entry: ZipEntry, before: ReadonlySet<string>): [field: string, text: string] | undefined {
  const name = shorten(entry.name);
  if (before.has(entry.name)) return ["name", `it holds ${name} twice`];
  if (!isPlainPath(entry.name)) return ["name", `the name ${JSON.stringify(name)} leads out of its folder`];
  if (entry.isEncrypted) return ["flags", `${name} is encrypted`];
  if (entry.method === 0 && entry.sizeBytes !== entry.storedBytes)
    return [
      "size",
      `${name} is stored as it is, yet has ${entry.sizeBytes} bytes outside and ${entry.storedBytes} inside`,
    ];
  return undefined;
}

/** Every entry takes at least its header, its name and its bytes, before the next one and before the directory. */
function overlapProblems(entries: readonly ZipEntry[], directoryOffset: number): ZipProblem[] {
  const sorted = [...entries].sort((a, b) => a.localHeaderOffset - b.localHeaderOffset);
  const lapped = sorted.find((entry, i) => {
    const limit = sorted[i + 1]?.localHeaderOffset ?? directoryOffset;
    return entry.localHeaderOffset + localHeaderBytes + entry.name.length + entry.storedBytes > limit;
  });
  if (!lapped) return [];
  return [
    { text: `${shorten(lapped.name)} overlaps what lies behind it`, details: { entry: lapped.name, field: "offset" } },
  ];
}

/** Relative, and without a step up: no one who unpacks it would write elsewhere. */
function isPlainPath(name: string): boolean {
  return name.length > 0 && !/^\/|\\|\0|^[A-Za-z]:/.test(name) && !name.split("/").includes("..");
}

function decodeName(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function wide(file: ByteSource, data: DataView, at: number): number {
  const value = data.getBigUint64(at, true);
  if (value > BigInt(file.size))
    throw damaged(file, `it points to byte ${value}, past its end`, { offset: Number(value), sizeBytes: file.size });
  return Number(value);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(file: ByteSource, reason: string, details: ZipProblem["details"]): OcellusError {
  return new OcellusError("invalid_file", `${file.path} is not a whole PyTorch (zip) file: ${reason}`, {
    details: { path: file.path, ...details },
  });
}
