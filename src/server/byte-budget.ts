/**
 * Bytes that all requests together may hold: bodies that are read, pictures that were fetched. A burst is refused, not
 * swapped. One owner may hold as much as is left for the others, so that no one's stalled uploads take all of it: half at
 * most, and always one whole body where there is room.
 */
import { OcellusError } from "../core/base/index.js";

/** A request. */
export interface ByteHolder {
  readonly owner: string;
}

export interface ByteBudgetOptions {
  readonly maxBytes: number;
  /** What an owner may hold whatever the others do: one body. */
  readonly bytesOfOne: number;
}

export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  readonly #held = new Map<ByteHolder, number>();
  readonly #byOwner = new Map<string, number>();
  /** Work of a request that has ended may still come back with bytes; they would never be given back. */
  readonly #ended = new WeakSet<ByteHolder>();
  #total = 0;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#total;
  }

  /** @throws `overloaded`, `aborted` when the holder was released. */
  take(holder: ByteHolder, numBytes: number): void {
    if (this.#ended.has(holder)) throw new OcellusError("aborted", "the request has ended");
    const { maxBytes, bytesOfOne } = this.#options;
    const total = this.#total + numBytes;
    const own = (this.#byOwner.get(holder.owner) ?? 0) + numBytes;
    if (total > maxBytes || own > Math.max(maxBytes - total, bytesOfOne))
      throw new OcellusError("overloaded", `requests hold ${this.#total} bytes already; try again in a moment`, {
        details: { retryAfterMs: 1000 },
      });
    this.#add(holder, numBytes);
  }

  /** Of what was taken, bytes that are not held any more. */
  giveBack(holder: ByteHolder, numBytes: number): void {
    this.#add(holder, -Math.min(numBytes, this.#held.get(holder) ?? 0));
  }

  /** The request has ended: all that it holds. */
  release(holder: ByteHolder): void {
    this.#ended.add(holder);
    this.giveBack(holder, Number.POSITIVE_INFINITY);
  }

  #add(holder: ByteHolder, numBytes: number): void {
    this.#total += numBytes;
    add(this.#held, holder, numBytes);
    add(this.#byOwner, holder.owner, numBytes);
  }
}

/** Those who hold nothing take no memory. */
function add<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
