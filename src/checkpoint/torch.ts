/**
 * PyTorch .bin and .pt files (zip format, since 1.6): a pickle that names tensors and one archive entry per storage.
 * Only the pickle is read on opening. Non-contiguous tensors are gathered into C order when read.
 */
import { invariant, OcellusError } from "../base/index.js";
import { byteLength, type DType, elementBytes, elementCount, type TensorInfo } from "../tensor/index.js";
import type { RandomAccessFile } from "./file.js";
import { describeForeignFile, isZip } from "./foreign.js";
import { PickleTensor, type PickleValue, unpickle } from "./unpickle.js";
import { dataOffset, readZipDirectory, type ZipEntry } from "./zip.js";

/** The pickle of an 8B model is about 100 kB; this is 600 times that. */
const maxPickleBytes = 64 * 2 ** 20;

export interface TorchTensor extends TensorInfo {
  /** Strides in elements. */
  readonly strides: readonly number[];
  /** Offset in the file of the tensor's first element. */
  readonly offset: number;
}

export async function readTorchTensors(file: RandomAccessFile): Promise<TorchTensor[]> {
  const start = await file.read(0, Math.min(file.size, 16));
  if (!isZip(start)) {
    const what =
      start[8] === 0x7b
        ? "a safetensors file: rename it to .safetensors"
        : (describeForeignFile(start) ?? "something else");
    throw new OcellusError("invalid_file", `${file.path} is not a PyTorch (zip) file: it is ${what}`);
  }
  const entries = await readZipDirectory(file);
  const root = archiveRoot(file, entries);
  await checkByteOrder(file, entries.get(`${root}byteorder`));
  const pickled = unpickle(await readEntry(file, entries.get(`${root}data.pkl`)!, maxPickleBytes));
  const storages = new Map<string, Promise<{ offset: number; sizeBytes: number }>>();
  const storageOf = (key: string) => {
    const found = storages.get(key) ?? locateStorage(file, entries.get(`${root}data/${key}`), key);
    storages.set(key, found);
    return found;
  };
  return Promise.all(
    [...stateDict(file, pickled)].map(async ([name, tensor]) =>
      placed(file, name, tensor, await storageOf(tensor.storage.key)),
    ),
  );
}

/** "archive/" or the file's stem: the folder that holds data.pkl. */
function archiveRoot(file: RandomAccessFile, entries: ReadonlyMap<string, ZipEntry>): string {
  const pickle = [...entries.keys()].find((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickle) return pickle.slice(0, -"data.pkl".length);
  throw new OcellusError("invalid_file", `${file.path} is a zip file without data.pkl: not written by torch.save`);
}

async function checkByteOrder(file: RandomAccessFile, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return; // older files have none, and are little-endian
  const order = new TextDecoder().decode(await readEntry(file, entry, 64));
  if (order !== "little")
    throw new OcellusError("unsupported", `${file.path}: byte order ${order}; only little-endian files are read`);
}

async function readEntry(file: RandomAccessFile, entry: ZipEntry, maxBytes: number): Promise<Uint8Array> {
  if (entry.sizeBytes > maxBytes) {
    throw new OcellusError(
      "too_large",
      `${file.path}: ${entry.name} has ${entry.sizeBytes} bytes, the limit is ${maxBytes}`,
    );
  }
  return file.read(await dataOffset(file, entry), entry.sizeBytes);
}

async function locateStorage(file: RandomAccessFile, entry: ZipEntry | undefined, key: string) {
  if (!entry)
    throw new OcellusError("invalid_file", `${file.path}: storage ${key.slice(0, 40)} is missing from the archive`);
  return { offset: await dataOffset(file, entry), sizeBytes: entry.sizeBytes };
}

/** The dictionary of tensors: the object itself, or one level down under "state_dict", "model" or the like. */
function stateDict(file: RandomAccessFile, pickled: PickleValue): Map<string, PickleTensor> {
  const own = tensorsOf(pickled);
  if (own.size > 0) return own;
  const nested = pickled instanceof Map ? [...pickled.values()].map(tensorsOf).filter((t) => t.size > 0) : [];
  if (nested.length === 1) return nested[0]!;
  throw new OcellusError(
    "invalid_file",
    `${file.path} holds ${nested.length} dictionaries of tensors, expected one (a state dict)`,
  );
}

function tensorsOf(value: PickleValue): Map<string, PickleTensor> {
  const tensors = new Map<string, PickleTensor>();
  if (!(value instanceof Map)) return tensors;
  for (const [name, item] of value)
    if (typeof name === "string" && item instanceof PickleTensor) tensors.set(name, item);
  return tensors;
}

function placed(
  file: RandomAccessFile,
  name: string,
  tensor: PickleTensor,
  storage: { offset: number; sizeBytes: number },
): TorchTensor {
  const { dtype, shape, strides, offset } = tensor;
  const size = elementBytes(dtype);
  const empty = shape.includes(0);
  const lastElement = offset + shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 0);
  const fits = Number.isSafeInteger(lastElement) && (empty || (lastElement + 1) * size <= storage.sizeBytes);
  // Strides of 0 could make a small storage look like a tensor of any size.
  const bounded = byteLength(dtype, shape) <= storage.sizeBytes;
  if (!fits || !bounded) {
    throw new OcellusError(
      "invalid_file",
      `${file.path}: tensor ${name} of shape [${shape}] reaches past its storage of ${storage.sizeBytes} bytes`,
      { details: { tensor: name, shape, strides, storageBytes: storage.sizeBytes } },
    );
  }
  return { name, dtype, shape, strides, offset: storage.offset + offset * size };
}

export function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

/** The tensor's bytes in C order, whatever its strides. */
export async function readStrided(file: RandomAccessFile, tensor: TorchTensor): Promise<Uint8Array> {
  const { dtype, shape, strides, offset } = tensor;
  const total = elementCount(shape);
  if (total === 0) return new Uint8Array(0);
  const span = shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 1);
  const source = await file.read(offset, span * elementBytes(dtype));
  return gather(source, dtype, shape, strides, total);
}

function gather(
  source: Uint8Array,
  dtype: DType,
  shape: readonly number[],
  strides: readonly number[],
  total: number,
): Uint8Array {
  const size = elementBytes(dtype);
  const out = new Uint8Array(total * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < total; i++) {
    out.set(source.subarray(from * size, (from + 1) * size), i * size);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  invariant(from === 0, "a strided walk ends where it began");
  return out;
}
