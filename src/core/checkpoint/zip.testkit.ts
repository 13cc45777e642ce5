/** ZIP files made by hand, every field of which can be made to lie. */
import { crc32 } from "../fs/index.js";

/** What the headers of one entry say; what is left out is the truth. */
export interface ZipLies {
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly sizeBytes?: number;
  readonly storedBytes?: number;
  readonly localHeaderOffset?: number;
  /** The name in the local header. */
  readonly localName?: string;
  /** The method in the local header. */
  readonly localMethod?: number;
}

export interface ZipOptions {
  /** Write every size and offset as zip64 does: ones in the 32-bit fields, the numbers elsewhere. */
  readonly zip64?: boolean;
  readonly comment?: string;
  /** Of the end record. */
  readonly numEntries?: number;
  readonly directoryOffset?: number;
  readonly directoryBytes?: number;
}

/** Text is Latin-1, one character a byte. */
export type ZipPart = readonly [name: string, contents: string | Uint8Array, lies?: ZipLies];

type Field = readonly ["u16" | "u32" | "u64", number | bigint] | string | Uint8Array;

export function bytesOf(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (typeof field === "string") return Buffer.from(field, "latin1");
      if (field instanceof Uint8Array) return field;
      const [type, value] = field;
      const out = Buffer.alloc(type === "u16" ? 2 : type === "u32" ? 4 : 8);
      if (type === "u64") out.writeBigUInt64LE(BigInt(value));
      else out.writeUIntLE(Number(value), 0, out.length);
      return out;
    }),
  );
}

/** A zip file whose local headers leave the sizes out, as PyTorch's do. */
export function zipOf(parts: readonly ZipPart[], options: ZipOptions = {}): Buffer {
  const { zip64 = false, comment = "" } = options;
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const part of parts) {
    directory.push(directoryHeader(part, at, zip64));
    pieces.push(localPart(part));
    at += pieces.at(-1)!.length;
  }
  const { numEntries = parts.length, directoryOffset = at } = options;
  const { directoryBytes = Buffer.concat(directory).length } = options;
  const numbers: Field[] = [
    ["u64", numEntries],
    ["u64", numEntries],
    ["u64", directoryBytes],
    ["u64", directoryOffset],
  ];
  const recordOffset = at + Buffer.concat(directory).length;
  const record = bytesOf("PK\x06\x06", ["u64", 44], ["u32", 0], ["u64", 0], ...numbers);
  const locator = bytesOf("PK\x06\x07", ["u32", 0], ["u64", recordOffset], ["u32", 1]);
  const narrow = (value: number): Field => ["u32", zip64 ? 0xffffffff : value];
  const counts = bytesOf("PK\x05\x06", ["u32", 0], ["u16", numEntries], ["u16", numEntries]);
  const end = bytesOf(counts, narrow(directoryBytes), narrow(directoryOffset), ["u16", comment.length], comment);
  return Buffer.concat([...pieces, ...directory, ...(zip64 ? [record, locator] : []), end]);
}

function localPart([name, contents, lies = {}]: ZipPart): Buffer {
  const { method = 0, flags = 8, localName = name, localMethod = method } = lies;
  const head = bytesOf("PK\x03\x04", ["u16", 20], ["u16", flags], ["u16", localMethod], ["u32", 0], ["u32", 0]);
  return bytesOf(head, ["u64", 0], ["u16", localName.length], ["u16", 6], localName, "FB\x02\x00ZZ", contents);
}

function directoryHeader([name, contents, lies = {}]: ZipPart, at: number, zip64: boolean): Buffer {
  const raw = bytesOf(contents);
  const { method = 0, flags = 8, crc = method === 0 ? crc32(raw) : 0 } = lies;
  const { sizeBytes = raw.length, storedBytes = raw.length, localHeaderOffset = at } = lies;
  const wide = bytesOf(["u16", 1], ["u16", 24], ["u64", sizeBytes], ["u64", storedBytes], ["u64", localHeaderOffset]);
  const narrow = (value: number): Field => ["u32", zip64 ? 0xffffffff : value];
  const head = bytesOf(
    "PK\x01\x02",
    ["u16", 20],
    ["u16", 20],
    ["u16", flags],
    ["u16", method],
    ["u32", 0],
    ["u32", crc],
  );
  const lengths: Field[] = [
    ["u16", name.length],
    ["u16", zip64 ? wide.length : 0],
  ];
  const rest = bytesOf(["u16", 0], ["u64", 0], narrow(localHeaderOffset), name, zip64 ? wide : "");
  return bytesOf(head, narrow(storedBytes), narrow(sizeBytes), ...lengths, rest);
}
