/**
 * A checkpoint with an adapter merged into it, read as one: a tensor that the adapter moves is read as a float32 sum.
 * Sums are made for the range that is read; of the adapter one target's matrices are held at a time.
 */
import { nearestHint, nearestNames, OcellusError, shorten } from "../base/index.js";
import {
  bytesOf,
  elementCount,
  formatShape,
  sameShape,
  type Tensor,
  type TensorInfo,
  toFloat32,
} from "../tensor/index.js";
import type { Adapter, AdapterTarget, LowRank } from "./adapter.js";
import type { Checkpoint } from "./checkpoint.js";

/**
 * @param canonicalName of the model's family: PEFT names modules as the model's class has them, files may spell them otherwise.
 * @throws `invalid_file` for a target that the checkpoint does not hold, or holds in another shape.
 */
export function adaptedCheckpoint(
  base: Checkpoint,
  adapter: Adapter,
  canonicalName: (name: string) => string,
): Checkpoint {
  return new AdaptedCheckpoint(base, adapter, targetsIn(base, adapter, canonicalName));
}

/** By the checkpoint's own names. */
export function targetsIn(
  base: Checkpoint,
  adapter: Adapter,
  canonicalName: (name: string) => string,
): ReadonlyMap<string, AdapterTarget> {
  const names = new Map([...base.names()].map((name) => [canonicalName(name), name]));
  return new Map(
    adapter.targets.map((target) => {
      const name = names.get(canonicalName(target.path));
      if (name === undefined) throw missing(base, target.path, names);
      checkShape(base.info(name)!, adapter, target);
      return [name, target];
    }),
  );
}

function missing(base: Checkpoint, path: string, names: ReadonlyMap<string, string>): OcellusError {
  return new OcellusError(
    "invalid_file",
    `the adapter moves ${shorten(path)}, which ${base.path} does not hold${nearestHint(path, names.keys())}; is it an adapter of another model, or of a head that is tied to the embedding here?`,
    { details: { target: path, nearest: nearestNames(path, names.keys()) } },
  );
}

function checkShape(
  { shape, dtype }: TensorInfo,
  { tensors }: Adapter,
  { path, replacement, rows, columns }: AdapterTarget,
): void {
  const refuse = (expected: string, found: string) => {
    throw new OcellusError(
      "invalid_file",
      `the adapter's ${shorten(path)}: expected ${expected} as in the checkpoint, found ${found}`,
      { details: { target: path, expected, found } },
    );
  };
  if (!/^(?:bf16|f\d\d)$/.test(dtype)) refuse("floats", dtype);
  const found = replacement === undefined ? undefined : tensors.info(replacement)!.shape;
  if (found && !sameShape(found, shape)) refuse(formatShape(shape), formatShape(found));
  if (rows === undefined || columns === undefined) return;
  if (shape.length < 2 || rows !== shape[0] || rows * columns !== elementCount(shape))
    refuse(formatShape(shape), formatShape([rows, columns]));
}

class AdaptedCheckpoint implements Checkpoint {
  readonly path: string;
  readonly format: Checkpoint["format"];
  readonly files: Checkpoint["files"];
  readonly leftover: readonly string[];
  readonly notes: readonly string[];
  readonly adapterDigest: string;
  readonly #base: Checkpoint;
  readonly #adapter: Adapter;
  readonly #targets: ReadonlyMap<string, AdapterTarget>;
  /** Of the tensor that was read last: it is read in many pieces. */
  #last: { readonly target: AdapterTarget; readonly lowRank: Promise<LowRank> } | undefined;

  constructor(base: Checkpoint, adapter: Adapter, targets: ReadonlyMap<string, AdapterTarget>) {
    this.path = base.path;
    this.format = base.format;
    this.files = base.files;
    this.leftover = base.leftover;
    this.adapterDigest = adapter.digest;
    this.#base = base;
    this.#adapter = adapter;
    this.#targets = targets;
    const all = [...targets.values()];
    const added = all.filter(({ rank }) => rank !== undefined).length;
    const replaced = all.filter(({ replacement }) => replacement !== undefined).length;
    this.notes = [...base.notes, `adapter ${adapter.path}: ${added} matrices moved, ${replaced} tensors replaced`];
  }

  names(): Iterable<string> {
    return this.#base.names();
  }

  info(name: string): TensorInfo | undefined {
    const info = this.#base.info(name);
    return info && this.#targets.has(name) ? { ...info, dtype: "f32" } : info;
  }

  async read(name: string): Promise<Tensor> {
    const info = this.info(name);
    if (!info) return this.#base.read(name); // which says what is missing
    return { ...info, bytes: await this.readRange(name, 0, elementCount(info.shape)) };
  }

  async readRange(name: string, start: number, end: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const target = this.#targets.get(name);
    if (!target) return this.#base.readRange(name, start, end, into);
    const { shape } = this.info(name)!;
    const values = Float32Array.from(await this.#before(name, target, start, end));
    if (target.readLowRank) addLowRank(values, start, elementCount(shape) / shape[0]!, await this.#lowRank(target));
    return bytesOf(values);
  }

  /** The replacement, or the checkpoint's own. */
  async #before(name: string, { replacement }: AdapterTarget, start: number, end: number): Promise<Float32Array> {
    const source = replacement === undefined ? this.#base : this.#adapter.tensors;
    const found = replacement ?? name;
    return toFloat32(await source.readRange(found, start, end), source.info(found)!.dtype);
  }

  #lowRank(target: AdapterTarget): Promise<LowRank> {
    if (this.#last?.target !== target) this.#last = { target, lowRank: target.readLowRank!() };
    return this.#last.lowRank;
  }

  fileOf(name: string): string {
    return this.#base.fileOf(name);
  }

  locate(name: string): ReturnType<Checkpoint["locate"]> {
    return this.#base.locate(name);
  }

  readFile(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#base.readFile(name, offset, length);
  }

  readJson(name: string): Promise<unknown> {
    return this.#base.readJson(name);
  }

  readText(name: string): Promise<string | undefined> {
    return this.#base.readText(name);
  }

  sideFiles(): Promise<string[]> {
    return this.#base.sideFiles();
  }

  close(): Promise<void> {
    return this.#base.close();
  }
}

/** Adds the delta's elements from `start` on to `values`, row by row; sums in double precision. */
function addLowRank(
  values: Float32Array,
  start: number,
  columns: number,
  { rank, scaling, left, right }: LowRank,
): void {
  const sums = new Float64Array(columns);
  for (let at = 0; at < values.length; ) {
    const [row, from] = [Math.floor((start + at) / columns), (start + at) % columns];
    const to = Math.min(columns, from + values.length - at);
    sums.fill(0, from, to);
    for (let k = 0; k < rank; k++) {
      const factor = left[row * rank + k]!;
      const offset = k * columns;
      for (let column = from; column < to; column++) sums[column]! += factor * right[offset + column]!;
    }
    for (let column = from; column < to; column++) values[at++]! += scaling * sums[column]!;
  }
}
