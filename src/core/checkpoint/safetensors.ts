/**
 * Reading safetensors headers, with every check of the reference reader.
 * Format: 8 bytes little-endian header length N, N bytes of JSON, then the data; offsets are relative to the data.
 * [huggingface/safetensors README and safetensors/src/tensor.rs]
 */
import { type FileJsonLimits, JsonProblem, OcellusError, parseFileJson, shorten } from "../base/index.js";
import type { ByteSource } from "../fs/index.js";
import { byteLength, type DType, type TensorInfo } from "../tensor/index.js";
import { describeForeignFile, foreignFormat, isSafetensors } from "./foreign.js";

/**
 * 100,000 tensors; a published file holds a few thousand, in some 100 kB. The reference reader takes 100 MB, which costs
 * seconds and a gigabyte to parse.
 */
const maxHeaderBytes = 16 * 2 ** 20;
const headerLimits: FileJsonLimits = { maxDepth: 3, uniqueKeys: true }; // header, tensor, shape

/** PyTorch's own limit; published tensors have at most five. */
const maxDimensions = 64;

export interface StoredTensor extends TensorInfo {
  /** Offset of the first byte in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** safetensors spelling → ours; the sub-byte and unsigned types that no model of ours uses are refused by name. */
const dtypesByName: Readonly<Record<string, DType>> = {
  F64: "f64",
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  F8_E4M3: "f8_e4m3",
  F8_E5M2: "f8_e5m2",
  I64: "i64",
  I32: "i32",
  I16: "i16",
  I8: "i8",
  U8: "u8",
  BOOL: "bool",
};

export const dtypeNames = Object.fromEntries(
  Object.entries(dtypesByName).map(([name, dtype]) => [dtype, name]),
) as Readonly<Record<DType, string>>;

/** @throws `invalid_file`, `too_large`, `unsupported`, each naming the file and the tensor. */
export async function readSafetensorsHeader(file: ByteSource): Promise<StoredTensor[]> {
  const headerBytes = await readHeaderLength(file);
  const header = parseHeader(file, await file.read(8, headerBytes));
  const dataStart = 8 + headerBytes;
  const tensors = parseEntries(file, header).map((t) => ({ ...t, offset: t.offset + dataStart }));
  checkLayout(file, tensors, dataStart);
  return tensors;
}

function parseHeader(file: ByteSource, bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return parseFileJson(text, headerLimits);
  } catch (cause) {
    const reason = `its header is not UTF-8 JSON, or not such as the format allows: ${(cause as Error).message}`;
    throw damaged(file, reason, { part: "header", ...(cause instanceof JsonProblem && cause.details) });
  }
}

async function readHeaderLength(file: ByteSource): Promise<number> {
  if (file.size < 8)
    throw damaged(file, `expected at least 8 bytes, found ${file.size}`, { expected: 8, found: file.size });
  const start = await file.read(0, Math.min(file.size, 16));
  // A header of 640 bytes begins like a pickle (80 02): what looks like safetensors is never taken for another format.
  const foreign = isSafetensors(start) ? undefined : describeForeignFile(start);
  if (foreign) throw damaged(file, `it is ${foreign}`, { format: foreignFormat(start) });
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new OcellusError(
      "too_large",
      `${file.path}: the header claims ${length} bytes, the limit is ${maxHeaderBytes}; not a safetensors file?`,
      { details: { path: file.path, headerBytes: Number(length), limit: maxHeaderBytes } },
    );
  }
  if (8 + Number(length) > file.size)
    throw damaged(file, `the header claims ${length} bytes, the file has ${file.size}`, {
      headerBytes: Number(length),
      found: file.size,
    });
  if (start[8] !== 0x7b) throw damaged(file, "the header does not start with {", { part: "header" });
  return Number(length);
}

function parseEntries(file: ByteSource, header: unknown): StoredTensor[] {
  const entries = Object.entries(header as Record<string, unknown>); // JSON.parse keeps "__proto__" as an own key
  const tensors: StoredTensor[] = [];
  for (const [name, entry] of entries) {
    if (name === "__metadata__") checkMetadata(file, entry);
    else tensors.push(parseEntry(file, name, entry));
  }
  return tensors;
}

function checkMetadata(file: ByteSource, metadata: unknown): void {
  const strings =
    typeof metadata === "object" &&
    metadata !== null &&
    !Array.isArray(metadata) &&
    Object.values(metadata).every((v) => typeof v === "string");
  if (!strings) throw damaged(file, "__metadata__ must map strings to strings", { field: "__metadata__" });
}

function parseEntry(file: ByteSource, name: string, entry: unknown): StoredTensor {
  const { dtype: dtypeName, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const what = `tensor ${shorten(name)}`;
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2 || typeof dtypeName !== "string") {
    const found = shorten(JSON.stringify(entry));
    throw damaged(file, `${what}: expected {dtype, shape, data_offsets}, found ${found}`, { tensor: name, found });
  }
  const dtype = Object.hasOwn(dtypesByName, dtypeName) ? dtypesByName[dtypeName]! : undefined;
  if (!dtype) {
    const supported = Object.keys(dtypesByName).join(", ");
    const message = `${file.path}: ${what} has dtype ${shorten(dtypeName, 40)}; supported: ${supported}`;
    throw new OcellusError("unsupported", message, {
      details: { path: file.path, tensor: name, dtype: dtypeName, supported: Object.keys(dtypesByName) },
    });
  }
  const [begin, end] = offsets as [number, number];
  const expected = byteLength(dtype, shape);
  const sizes = shorten(`[${shape}]`);
  // Of the product without the zeros: a shape that only a zero keeps small overflows in the reference reader too.
  const fits = Number.isSafeInteger(
    byteLength(
      dtype,
      shape.filter((n) => n > 0),
    ),
  );
  if (!fits) throw damaged(file, `${what}: shape ${sizes} is larger than any file`, { tensor: name, shape });
  if (end - begin !== expected) {
    const found = `its offsets span ${end - begin}`;
    throw damaged(file, `${what}: ${dtypeName} of shape ${sizes} takes ${expected} bytes, ${found}`, {
      tensor: name,
      expected,
      found: end - begin,
    });
  }
  return { name, dtype, shape, offset: begin, sizeBytes: expected };
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= maxDimensions &&
    value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
  );
}

/** In order of offset the tensors must fill the data exactly: no hole, no overlap, nothing behind. */
function checkLayout(file: ByteSource, tensors: StoredTensor[], dataStart: number): void {
  tensors.sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  let end = dataStart;
  for (const { name, offset, sizeBytes } of tensors) {
    if (offset !== end) {
      const what = offset > end ? "there is a hole before" : "another tensor overlaps";
      const places = `expected to start at ${end - dataStart}, found ${offset - dataStart}`;
      throw damaged(file, `${what} tensor ${shorten(name)} (${places})`, {
        tensor: name,
        expected: end - dataStart,
        found: offset - dataStart,
      });
    }
    end += sizeBytes;
  }
  if (end !== file.size)
    throw damaged(file, `the tensors end at byte ${end}, the file at ${file.size}`, {
      expected: end,
      found: file.size,
    });
}

function damaged(file: ByteSource, reason: string, details: Readonly<Record<string, unknown>>): OcellusError {
  return new OcellusError("invalid_file", `${file.path} is not a whole safetensors file: ${reason}`, {
    details: { path: file.path, ...details },
  });
}
