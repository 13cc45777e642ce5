/**
 * PyTorch .bin and .pt files (zip format, since 1.6): a pickle that names tensors and one archive entry per storage.
 * Only the pickle is read on opening. Non-contiguous tensors are gathered into C order when read.
 */
import { OcellusError, shorten } from "../base/index.js";
import type { RandomAccessFile } from "../fs/index.js";
import { byteLength, elementBytes, elementCount, type TensorInfo } from "../tensor/index.js";
import { describeForeignFile, foreignFormat, isSafetensors, isZip } from "./foreign.js";
import { PickleTensor, type PickleValue } from "./pickle-objects.js";
import { unpickle } from "./unpickle.js";
import { readStoredEntry, readZipDirectory, storedOffset, type ZipEntry } from "./zip.js";

/** The pickle of an 8B model is about 100 kB; this is 80 times that. */
const maxPickleBytes = 8 * 2 ** 20;

export interface TorchTensor extends TensorInfo {
  /** Strides in elements. */
  readonly strides: readonly number[];
  /** Offset in the file of the tensor's first element. */
  readonly offset: number;
}

export async function readTorchTensors(file: RandomAccessFile): Promise<TorchTensor[]> {
  const start = await file.read(0, Math.min(file.size, 16));
  if (!isZip(start)) {
    const what = isSafetensors(start)
      ? "a safetensors file: rename it to .safetensors"
      : (describeForeignFile(start) ?? "something else");
    throw new OcellusError("invalid_file", `${file.path} is not a PyTorch (zip) file: it is ${what}`, {
      details: { path: file.path, format: isSafetensors(start) ? "safetensors" : foreignFormat(start) },
    });
  }
  const entries = await readZipDirectory(file);
  const root = archiveRoot(file, entries);
  await checkByteOrder(file, entries.get(`${root}byteorder`));
  const pickled = unpickle(await readStoredEntry(file, entries.get(`${root}data.pkl`)!, maxPickleBytes), file.path);
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
  const pickles = [...entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length === 1) return pickles[0]!.slice(0, -"data.pkl".length);
  const found = pickles.length === 0 ? "without data.pkl" : `with ${pickles.length} data.pkl`;
  throw new OcellusError("invalid_file", `${file.path} is a zip file ${found}: not written by torch.save`, {
    details: { path: file.path, numPickles: pickles.length },
  });
}

async function checkByteOrder(file: RandomAccessFile, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return; // older files have none, and are little-endian
  const order = new TextDecoder().decode(await readStoredEntry(file, entry, 64));
  if (order !== "little")
    throw new OcellusError(
      "unsupported",
      `${file.path}: byte order ${shorten(order)}; only little-endian files are read`,
      { details: { path: file.path, byteOrder: order, supported: ["little"] } },
    );
}

async function locateStorage(file: RandomAccessFile, entry: ZipEntry | undefined, key: string) {
  if (!entry)
    throw new OcellusError("invalid_file", `${file.path}: storage ${shorten(key)} is missing from the archive`, {
      details: { path: file.path, storage: key },
    });
  return { offset: await storedOffset(file, entry), sizeBytes: entry.sizeBytes };
}

/** The dictionary of tensors: the object itself, or one level down under "state_dict", "model" or the like. */
function stateDict(file: RandomAccessFile, pickled: PickleValue): Map<string, PickleTensor> {
  // A set: a hostile pickle may name one large dictionary a million times.
  const dictionaries = new Set(pickled instanceof Map ? [pickled, ...pickled.values()] : []);
  const found = [...dictionaries].map(tensorsOf).filter((tensors) => tensors.size > 0);
  if (found.length === 1) return found[0]!;
  const names = found.map((tensors) => shorten([...tensors.keys()][0]!, 40));
  throw new OcellusError(
    "invalid_file",
    `${file.path}: expected one dictionary of tensors (a state dict), found ${found.length}` +
      (names.length > 0 ? `, with tensors such as ${names.slice(0, 4).join(" and ")}; save the model's alone` : ""),
    { details: { path: file.path, expected: 1, found: found.length, tensors: names } },
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
  const details = { tensor: name, shape, strides, storageBytes: storage.sizeBytes };
  const what = `${file.path}: tensor ${shorten(name)} of shape ${shorten(`[${shape}]`, 40)}`;
  if (byteLength(dtype, shape) === 0) return { name, dtype, shape, strides, offset: storage.offset };
  const end = offset + shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 1);
  if (!Number.isSafeInteger(end) || end * size > storage.sizeBytes) {
    const message = `${what} reaches past its storage of ${storage.sizeBytes} bytes; the file is damaged`;
    throw new OcellusError("invalid_file", message, { details });
  }
  // Strides of 0 would make a small storage look like a tensor of any size.
  if (!(byteLength(dtype, shape) <= storage.sizeBytes)) {
    const message = `${what} repeats its storage of ${storage.sizeBytes} bytes (an expanded view); save tensor.contiguous()`;
    throw new OcellusError("unsupported", message, { details });
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

/**
 * Elements [start, end) in C order, whatever the strides. Reads what lies between the first and the last index of the
 * outermost axis: little for a slice, nearly everything for a transposed matrix.
 */
export async function readStrided(
  file: RandomAccessFile,
  tensor: TorchTensor,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const { dtype, shape, strides, offset } = tensor;
  if (start === end) return new Uint8Array(0);
  const size = elementBytes(dtype);
  const perRow = elementCount(shape.slice(1));
  const firstRow = Math.floor(start / perRow);
  const numRows = Math.ceil(end / perRow) - firstRow;
  const span = [numRows, ...shape.slice(1)].reduce((sum, n, i) => sum + (n - 1) * strides[i]!, 1);
  const source = await file.read(offset + firstRow * strides[0]! * size, span * size);
  const out = new Uint8Array((end - start) * size);
  const rows = { shape: [numRows, ...shape.slice(1)], strides };
  gather(elements(source, size), elements(out, size), rows, start - firstRow * perRow);
  return out;
}

/** The bytes as unsigned integers of the element's width, which copy without a change of any bit. */
function elements(bytes: Uint8Array, size: number): (number | bigint)[] {
  const type = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[size]!;
  return new type(bytes.buffer as ArrayBuffer, 0, bytes.byteLength / size) as unknown as (number | bigint)[];
}

/** Fills `out` with the elements from the `start`-th on, in C order. */
function gather(
  source: readonly (number | bigint)[],
  out: (number | bigint)[],
  { shape, strides }: Pick<TorchTensor, "shape" | "strides">,
  start: number,
): void {
  const index = unravel(start, shape);
  let from = index.reduce((sum, n, axis) => sum + n * strides[axis]!, 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** The index of the `position`-th element in C order. */
function unravel(position: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1, rest = position; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}
