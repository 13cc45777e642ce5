/** What a reader of somebody else's quantised checkpoint gives for one matrix, and what all readers need to get it. */
import { OcellusError } from "../../base/index.js";
import { formatShape, type TensorInfo, type TensorSource, toFloat32, type WeightFormat } from "../../tensor/index.js";
import type { EncodedRows, NestedParts } from "../encode.js";

/** The stored parts of a whole matrix, in one of our own formats. */
export type StoredParts = EncodedRows & Partial<NestedParts>;

export interface ForeignMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Checkpoint tensors it is made of. */
  readonly parts: readonly string[];
  /** The one of our formats that holds it without loss, where there is one. */
  readonly exact?: WeightFormat;
  load(): Promise<LoadedMatrix>;
}

export interface LoadedMatrix {
  /** Rows [start, end) as float32. */
  widen(start: number, end: number): Float32Array;
  /** The whole matrix in the format `exact`, where there is one. */
  stored?(): StoredParts;
}

/** A tensor that must be there beside another. @throws `invalid_file`. */
export function partInfo(source: TensorSource, name: string): TensorInfo {
  const info = source.info(name);
  if (info) return info;
  throw new OcellusError("invalid_file", `the quantised checkpoint lacks ${name}; is a shard missing?`, {
    details: { tensor: name, found: "nothing" },
  });
}

/** @throws `invalid_file` when a part's values do not belong to the others. */
export function damaged(name: string, expected: string, found: string): OcellusError {
  return new OcellusError("invalid_file", `tensor ${name}: expected ${expected}, found ${found}`, {
    details: { tensor: name, expected, found },
  });
}

/** The sizes of a matrix. @throws `invalid_file` when it is none. */
export function twoSizes(info: TensorInfo): [number, number] {
  if (info.shape.length !== 2) throw damaged(info.name, "two axes", `shape ${formatShape(info.shape)}`);
  return [info.shape[0]!, info.shape[1]!];
}

export async function readFloats(source: TensorSource, name: string): Promise<Float32Array> {
  const { bytes, dtype } = await source.read(name);
  return toFloat32(bytes, dtype).slice();
}

/** 32-bit words, each with several codes, the first in the lowest bits. @throws `invalid_file` when they are not i32. */
export async function readWords(source: TensorSource, name: string): Promise<Uint32Array> {
  const { bytes, dtype } = await source.read(name);
  if (dtype !== "i32") throw damaged(name, "i32", dtype);
  return new Uint32Array(bytes.slice().buffer);
}

/** Names of all tensors with this suffix, without it. */
export function stemsOf(source: TensorSource, suffix: string): string[] {
  return [...source.names()].filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
}
