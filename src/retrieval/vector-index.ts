/**
 * What an index of vectors promises, whichever kind it is. Vectors have length one, so that their inner product is the
 * cosine; keys are the caller's, and what belongs to a key (a picture, its metadata) is the caller's too.
 */
import { OcellusError } from "../core/base/index.js";

export const indexKinds = ["exact", "hnsw"] as const;
export type IndexKind = (typeof indexKinds)[number];

export interface Neighbour {
  readonly key: number;
  /** Cosine with the query, computed in float32 from the vectors as they were added, whatever the kind. */
  readonly score: number;
}

export interface VectorIndex {
  readonly kind: IndexKind;
  readonly dimensions: number;
  readonly size: number;
  /** @throws `invalid_request` when the length, the dimensions or a number is wrong, or the key is there already. */
  add(key: number, vector: Float32Array): void;
  /** Whether it was there. */
  remove(key: number): boolean;
  /** The vector as it was added; a view. */
  vector(key: number): Float32Array | undefined;
  /**
   * The nearest `count` of those keys that `accepts` lets pass, best first; of equals the smaller key first. Nothing is to
   * be added or removed until it resolves. @throws `invalid_request` for a query of another length.
   */
  search(query: Float32Array, count: number, accepts?: (key: number) => boolean): Promise<Neighbour[]>;
  /** Writes what was costly to build, if anything was, beside `path`; atomically. The vectors themselves are the caller's to keep. */
  save(path: string): Promise<void>;
}

/** Far above what rounding does to a length in float32, far below what would change an order. */
const lengthTolerance = 1e-3;

/** @throws `invalid_request`. */
export function checkVector(vector: Float32Array, dimensions: number, what: string): void {
  if (vector.length !== dimensions)
    throw new OcellusError("invalid_request", `${what}: expected ${dimensions} numbers, found ${vector.length}`, {
      details: { what, expected: dimensions, found: vector.length },
    });
  const length = Math.sqrt(dot(vector, 0, vector, dimensions));
  if (Math.abs(length - 1) <= lengthTolerance) return; // false where there is a NaN
  throw new OcellusError("invalid_request", `${what}: expected length one, found ${length}; divide by it first`, {
    details: { what, expected: 1, found: String(length) },
  });
}

/** Inner product of `query` and the row of `rows` that begins at `at`. Four sums: one alone waits for itself. */
export function dot(rows: Float32Array, at: number, query: Float32Array, dimensions: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < dimensions; i += 4) {
    a += rows[at + i]! * query[i]!;
    b += rows[at + i + 1]! * query[i + 1]!;
    c += rows[at + i + 2]! * query[i + 2]!;
    d += rows[at + i + 3]! * query[i + 3]!;
  }
  for (; i < dimensions; i++) a += rows[at + i]! * query[i]!;
  return a + b + (c + d);
}
