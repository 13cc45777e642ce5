/** Bytes that all requests together may hold: bodies that are read, pictures that were fetched. A burst is refused, not swapped. */
import { OcellusError } from "../base/index.js";

export class ByteBudget {
  readonly #maxBytes: number;
  readonly #held = new Map<object, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#total;
  }

  /** @throws `overloaded`. */
  take(holder: object, numBytes: number): void {
    if (this.#total + numBytes > this.#maxBytes)
      throw new OcellusError("overloaded", `requests hold ${this.#total} bytes already; try again in a moment`, {
        details: { retryAfterMs: 1000 },
      });
    this.#total += numBytes;
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + numBytes);
  }

  release(holder: object): void {
    this.#total -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }
}
