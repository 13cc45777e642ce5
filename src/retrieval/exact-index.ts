/** The index that looks at everything: exact, and quick enough to ten thousands of pictures. Nothing of it is costly to build. */
import type { Rows } from "./rows.js";
import type { Neighbour, VectorIndex } from "./vector-index.js";

export class ExactIndex implements VectorIndex {
  readonly kind = "exact";
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get dimensions(): number {
    return this.#rows.dimensions;
  }

  get size(): number {
    return this.#rows.size;
  }

  add(key: number, vector: Float32Array): void {
    this.#rows.add(key, vector);
  }

  remove(key: number): boolean {
    return this.#rows.remove(key);
  }

  vector(key: number): Float32Array | undefined {
    return this.#rows.get(key);
  }

  search(query: Float32Array, count: number, accepts?: (key: number) => boolean): Promise<Neighbour[]> {
    return this.#rows.scan(query, count, accepts);
  }

  async save(): Promise<void> {}
}
