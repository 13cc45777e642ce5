/**
 * Vectors one behind the other in chunks, so that growing copies nothing, and the flat inner product over them. A removed
 * row's place is taken by the last one: rows have no order, keys have.
 */
import { setImmediate as breathe } from "node:timers/promises";
import { OcellusError } from "../core/base/index.js";
import { Nearest } from "./nearest.js";
import { checkVector, dot, type Neighbour } from "./vector-index.js";

/** Numbers of one: four megabytes, few allocations and little unused, and a scan of one takes a millisecond or two. */
const chunkLength = 2 ** 20;

export class Rows {
  readonly dimensions: number;
  readonly #rowsPerChunk: number;
  readonly #chunks: Float32Array[] = [];
  /** By row. */
  readonly #keys: number[] = [];
  readonly #rowOf = new Map<number, number>();

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rowsPerChunk = Math.ceil(chunkLength / dimensions);
  }

  get size(): number {
    return this.#keys.length;
  }

  keys(): IterableIterator<number> {
    return this.#rowOf.keys();
  }

  has(key: number): boolean {
    return this.#rowOf.has(key);
  }

  get(key: number): Float32Array | undefined {
    const row = this.#rowOf.get(key);
    return row === undefined ? undefined : this.#row(row);
  }

  /** @throws as `VectorIndex.add`. */
  add(key: number, vector: Float32Array): void {
    checkVector(vector, this.dimensions, `the vector of ${key}`);
    if (this.has(key))
      throw new OcellusError("invalid_request", `the key ${key} is in the index already`, { details: { key } });
    const row = this.#keys.length;
    if (row % this.#rowsPerChunk === 0) this.#chunks.push(new Float32Array(this.#rowsPerChunk * this.dimensions));
    this.#keys.push(key);
    this.#rowOf.set(key, row);
    this.#row(row).set(vector);
  }

  remove(key: number): boolean {
    const row = this.#rowOf.get(key);
    if (row === undefined) return false;
    const last = this.#keys.length - 1;
    const lastKey = this.#keys[last]!;
    this.#row(row).set(this.#row(last));
    this.#keys[row] = lastKey;
    this.#rowOf.set(lastKey, row);
    this.#keys.pop();
    this.#rowOf.delete(key);
    if (last % this.#rowsPerChunk === 0) this.#chunks.pop();
    return true;
  }

  /** Every row that may pass is looked at, a chunk at a time. @throws `invalid_request` for a query of another length. */
  async scan(query: Float32Array, count: number, accepts?: (key: number) => boolean): Promise<Neighbour[]> {
    checkVector(query, this.dimensions, "the query");
    const nearest = new Nearest(count);
    for (let row = 0; row < this.#keys.length; row++) {
      if (row > 0 && row % this.#rowsPerChunk === 0) await breathe(); // a server keeps answering
      const key = this.#keys[row]!;
      if (accepts && !accepts(key)) continue;
      const chunk = this.#chunks[Math.floor(row / this.#rowsPerChunk)]!;
      const score = dot(chunk, (row % this.#rowsPerChunk) * this.dimensions, query, this.dimensions);
      if (score >= nearest.floor) nearest.offer(key, score);
    }
    return nearest.list();
  }

  /** Of some keys. */
  rank(query: Float32Array, keys: Iterable<number>, count: number): Neighbour[] {
    const nearest = new Nearest(count);
    for (const key of keys) nearest.offer(key, dot(this.get(key)!, 0, query, this.dimensions));
    return nearest.list();
  }

  #row(row: number): Float32Array {
    const at = (row % this.#rowsPerChunk) * this.dimensions;
    return this.#chunks[Math.floor(row / this.#rowsPerChunk)]!.subarray(at, at + this.dimensions);
  }
}
