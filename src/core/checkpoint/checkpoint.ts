/**
 * A checkpoint folder as named tensors. Opening reads headers only, whatever the size; a tensor is read when asked for,
 * with positioned reads, so memory holds what the caller holds.
 */
import { basename, join } from "node:path";
import { invariant, nearestHint, nearestNames, OcellusError, shorten } from "../base/index.js";
import { fileInside, listSideFiles, RandomAccessFile, readSideJson, readSideText } from "../fs/index.js";
import { elementBytes, elementCount, type Tensor, type TensorInfo, type TensorSource } from "../tensor/index.js";
import { findWeights, type WeightFiles, type WeightsFormat } from "./find-weights.js";
import { readSafetensorsHeader } from "./safetensors.js";
import { parseShardIndex, shardIndexLimits } from "./shard-index.js";
import { isContiguous, readStrided, readTorchTensors, type TorchTensor } from "./torch.js";

export interface Checkpoint extends TensorSource {
  /** The folder, absolute. */
  readonly path: string;
  readonly format: WeightsFormat;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly mtimeMs: number }[];
  /** Weights files and indexes of the folder that are not read, such as the shards of an older save. */
  readonly leftover: readonly string[];
  /** What a user should know, in sentences. */
  readonly notes: readonly string[];
  /** Of an adapter that is merged into it. */
  readonly adapterDigest?: string;
  /** The weights file a tensor is in. */
  fileOf(name: string): string;
  /** The same, and where; only for tensors stored in C order. */
  locate(name: string): { readonly file: string; readonly offset: number };
  /** A piece of a weights file, for digests. */
  readFile(name: string, offset: number, length: number): Promise<Uint8Array>;
  /** A side file such as config.json, parsed; undefined when absent. @throws `invalid_config` when not JSON. */
  readJson(name: string): Promise<unknown>;
  readText(name: string): Promise<string | undefined>;
  /** Names of the side files that belong to the model. */
  sideFiles(): Promise<string[]>;
  close(): Promise<void>;
}

interface Located {
  readonly info: TensorInfo;
  readonly file: RandomAccessFile;
  readonly offset: number;
  /** Set when the tensor is not in C order in its file. */
  readonly strided?: TorchTensor;
}

/**
 * Opens a folder, or one weights file. A file with any tensor of a dtype that we do not know is refused here, at once,
 * and not when that tensor is read. @throws `not_found`, `invalid_file`, `too_large`, `unsupported`, `io`.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const weights = await findWeights(path);
  const files: RandomAccessFile[] = [];
  try {
    const { tensors, notes } = weights.index ? await openShards(weights, files) : await openSingle(weights, files);
    return new OpenCheckpoint(weights, files, tensors, notes);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

type Tensors = Map<string, Located>;

async function openSingle({ folder, format, single }: WeightFiles, files: RandomAccessFile[]) {
  return { tensors: await openFile(join(folder, single!), format, files), notes: [] };
}

async function openFile(path: string, format: WeightsFormat, files: RandomAccessFile[]): Promise<Tensors> {
  const file = await RandomAccessFile.open(path);
  files.push(file);
  const located = format === "safetensors" ? await readSafetensorsHeader(file) : await readTorchTensors(file);
  return new Map(
    located.map((tensor) => {
      const { name, dtype, shape, offset } = tensor;
      const strided = "strides" in tensor && !isContiguous(tensor) ? { strided: tensor } : {};
      return [name, { info: { name, dtype, shape }, file, offset, ...strided }];
    }),
  );
}

/** All shards the index names; each tensor must be where the index says, and in one place only. */
async function openShards({ folder, format, index }: WeightFiles, files: RandomAccessFile[]) {
  const indexPath = join(folder, index!);
  const map = parseShardIndex(await readSideJson(folder, index!, shardIndexLimits), indexPath);
  const shards = new Map<string, Tensors>();
  for (const name of new Set(map.values())) shards.set(name, await openShard(folder, name, format, files, indexPath));
  const tensors: Tensors = new Map();
  for (const [tensor, shard] of map) {
    const found = shards.get(shard)!.get(tensor);
    if (!found) throw missingInShard(indexPath, tensor, shard, shards.get(shard)!);
    tensors.set(tensor, found);
  }
  const elsewhere = [...shards].flatMap(([shard, held]) =>
    [...held.keys()].filter((tensor) => map.get(tensor) !== shard).map((tensor) => ({ tensor, shard })),
  );
  const twice = elsewhere.find(({ tensor }) => map.has(tensor));
  if (twice) throw heldTwice(indexPath, twice.tensor, map.get(twice.tensor)!, twice.shard);
  const unlisted = elsewhere.map(({ tensor, shard }) => `${shorten(tensor)} in ${shorten(shard)}`);
  const notes =
    unlisted.length > 0
      ? [`${unlisted.length} tensors are not in the index and were left out: ${unlisted.slice(0, 3).join(", ")}`]
      : [];
  return { tensors, notes };
}

async function openShard(
  folder: string,
  name: string,
  format: WeightsFormat,
  files: RandomAccessFile[],
  indexPath: string,
): Promise<Tensors> {
  try {
    return await openFile((await fileInside(folder, name)).path, format, files);
  } catch (error) {
    if (!(error instanceof OcellusError) || error.code !== "not_found") throw error;
    throw new OcellusError(
      "not_found",
      `shard ${shorten(name)} is missing: ${indexPath} names it; download the whole folder again`,
      { details: { path: indexPath, shard: name }, cause: error },
    );
  }
}

function missingInShard(indexPath: string, tensor: string, shard: string, held: Tensors): OcellusError {
  return new OcellusError(
    "invalid_file",
    `${indexPath} says that ${shorten(tensor)} lies in ${shorten(shard)}, which does not hold it${nearestHint(tensor, held.keys())}; the shards do not belong together`,
    { details: { tensor, shard, nearest: nearestNames(tensor, held.keys()) } },
  );
}

function heldTwice(indexPath: string, tensor: string, listed: string, other: string): OcellusError {
  return new OcellusError(
    "invalid_file",
    `tensor ${shorten(tensor)} lies in ${shorten(listed)}, as ${indexPath} says, and in ${shorten(other)} as well; the shards do not belong together`,
    { details: { tensor, shards: [listed, other] } },
  );
}

function leftoverNotes(leftover: readonly string[], read: string): string[] {
  if (leftover.length === 0) return [];
  const more = leftover.length > 3 ? ` and ${leftover.length - 3} more` : "";
  const named = leftover.slice(0, 3).map((name) => shorten(name));
  return [`${read} is read; other weights beside it are not: ${named.join(", ")}${more}`];
}

class OpenCheckpoint implements Checkpoint {
  readonly path: string;
  readonly format: WeightsFormat;
  readonly leftover: readonly string[];
  readonly notes: readonly string[];
  readonly #files: readonly RandomAccessFile[];
  readonly #tensors: Tensors;

  constructor(weights: WeightFiles, files: readonly RandomAccessFile[], tensors: Tensors, notes: readonly string[]) {
    this.path = weights.folder;
    this.format = weights.format;
    const read = new Set([weights.index, ...files.map(({ path }) => basename(path))]);
    this.leftover = weights.all.filter((name) => !read.has(name));
    this.notes = [...leftoverNotes(this.leftover, weights.single ?? weights.index!), ...notes];
    this.#files = files;
    this.#tensors = tensors;
  }

  get files() {
    return this.#files.map(({ path, size, mtimeMs }) => ({
      name: basename(path),
      sizeBytes: size,
      mtimeMs,
    }));
  }

  names(): Iterable<string> {
    return this.#tensors.keys();
  }

  info(name: string): TensorInfo | undefined {
    return this.#tensors.get(name)?.info;
  }

  fileOf(name: string): string {
    return basename(this.#find(name).file.path);
  }

  locate(name: string): { file: string; offset: number } {
    const { file, offset, strided } = this.#find(name);
    invariant(!strided, `tensor ${name} is not stored in C order`);
    return { file: basename(file.path), offset };
  }

  async read(name: string): Promise<Tensor> {
    const { info } = this.#find(name);
    return { ...info, bytes: await this.readRange(name, 0, elementCount(info.shape)) };
  }

  async readRange(name: string, start: number, end: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const { info, file, offset, strided } = this.#find(name);
    const count = elementCount(info.shape);
    const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
    if (!whole || start < 0 || start > end || end > count) {
      throw new OcellusError(
        "invalid_request",
        `tensor ${name}: range [${start}, ${end}) leaves its ${count} elements`,
        { details: { tensor: name, start, end, numElements: count } },
      );
    }
    const size = elementBytes(info.dtype);
    if (strided) return readStrided(file, strided, start, end);
    return file.read(offset + start * size, (end - start) * size, into);
  }

  async readFile(name: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.#files.find(({ path }) => basename(path) === name);
    invariant(file, `no open weights file ${name}`);
    return file.read(offset, length);
  }

  readJson(name: string): Promise<unknown> {
    return readSideJson(this.path, name);
  }

  readText(name: string): Promise<string | undefined> {
    return readSideText(this.path, name);
  }

  sideFiles(): Promise<string[]> {
    return listSideFiles(this.path);
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }

  #find(name: string): Located {
    const found = this.#tensors.get(name);
    if (found) return found;
    throw new OcellusError(
      "not_found",
      `${this.path} holds no tensor ${shorten(name)}${nearestHint(name, this.#tensors.keys())}`,
      {
        details: { tensor: name, nearest: nearestNames(name, this.#tensors.keys()) },
      },
    );
  }
}
