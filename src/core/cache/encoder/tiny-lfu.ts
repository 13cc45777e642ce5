/**
 * Which entries stay when a byte budget is full: W-TinyLFU. It knows keys and sizes only; whoever holds the entries drops
 * what it is told to.
 *
 *   new ─→ window (LRU, a fifth) ─→ asked for as often as the oldest of probation? ─ yes ─→ probation ⇄ protected
 *                                                                                  └ no ──→ out
 *
 * A scan of entries that no one asks for again passes through the window and leaves the popular ones alone.
 * [Einziger, Friedman, Manes: TinyLFU, ACM TOS 13(4), 2017, section 4; sizes as the "implicit victims" of Einziger et al.,
 * Lightweight Robust Size Aware Cache Management, ACM TOS 18(3), 2022: here what an entry saves grows with its size, so
 * a large one need not outweigh all the small ones it replaces, only be asked for as often as each]
 */
import { invariant } from "../../base/index.js";
import { FrequencySketch, type HashKey } from "./frequency-sketch.js";

/** The paper's 1 % is for long stable traces; a chat's next turn comes soon or never, which is what a window is for. */
const windowShare = 0.2;
const protectedShare = 0.8;
/** Requests for each entry before counts are halved. [TinyLFU, section 4.5: ten times the cache] */
const sampleFactor = 10;

export class TinyLfu {
  readonly #maxBytes: number;
  readonly #sketch: FrequencySketch;
  readonly #window = new Recency();
  readonly #probation = new Recency();
  readonly #protected = new Recency();

  constructor(maxBytes: number, hash?: HashKey) {
    this.#maxBytes = maxBytes;
    this.#sketch = new FrequencySketch(hash);
  }

  get bytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  get size(): number {
    return this.#window.size + this.#probation.size + this.#protected.size;
  }

  has(key: string): boolean {
    return this.#segmentOf(key) !== undefined;
  }

  /** The key was asked for, whether it is here or not: both make it more likely to stay. */
  touch(key: string): void {
    this.#sketch.add(key, sampleFactor * Math.max(100, this.size));
    const segment = this.#segmentOf(key);
    if (segment === this.#probation) segment.move(key, this.#protected);
    else segment?.renew(key);
    while (this.#protected.bytes > protectedShare * this.#maxBytes)
      this.#protected.move(this.#protected.oldest()!, this.#probation);
  }

  /** Takes a new entry in. Returns the keys that must go for it, which may be its own; then the budget is kept. */
  add(key: string, bytes: number): string[] {
    invariant(!this.has(key), "an entry is added once");
    if (bytes > this.#maxBytes) return [key];
    this.#window.put(key, bytes);
    const gone: string[] = [];
    while (this.#window.bytes > windowShare * this.#maxBytes) {
      const candidate = this.#window.oldest()!;
      this.#window.move(candidate, this.#probation);
      gone.push(...this.#contest(candidate));
    }
    gone.push(...this.#contest(key)); // a window that was not full is room that the others had used
    return gone;
  }

  remove(key: string): void {
    this.#segmentOf(key)?.remove(key);
  }

  /** Makes room for the candidate, or turns it away for one that is asked for more often. Of equals the newer one stays. */
  #contest(candidate: string): string[] {
    if (!this.has(candidate)) return [];
    const rank = this.#sketch.estimate(candidate);
    const victims: string[] = [];
    let over = this.bytes - this.#maxBytes;
    for (const [key, bytes] of over > 0 ? this.#victims() : []) {
      if (over <= 0) break;
      if (key === candidate) continue;
      if (this.#sketch.estimate(key) > rank) break;
      victims.push(key);
      over -= bytes;
    }
    const gone = over > 0 ? [candidate] : victims;
    for (const key of gone) this.remove(key);
    return gone;
  }

  *#victims(): Generator<readonly [string, number]> {
    yield* this.#probation.entries();
    yield* this.#protected.entries();
    yield* this.#window.entries();
  }

  #segmentOf(key: string): Recency | undefined {
    return [this.#window, this.#probation, this.#protected].find((segment) => segment.has(key));
  }
}

/** Keys and sizes in order of use, oldest first. */
class Recency {
  readonly #sizes = new Map<string, number>();
  bytes = 0;

  get size(): number {
    return this.#sizes.size;
  }

  has(key: string): boolean {
    return this.#sizes.has(key);
  }

  oldest(): string | undefined {
    return this.#sizes.keys().next().value;
  }

  entries(): IterableIterator<[string, number]> {
    return this.#sizes.entries();
  }

  put(key: string, bytes: number): void {
    this.#sizes.set(key, bytes);
    this.bytes += bytes;
  }

  renew(key: string): void {
    this.put(key, this.remove(key));
  }

  move(key: string, to: Recency): void {
    to.put(key, this.remove(key));
  }

  remove(key: string): number {
    const bytes = this.#sizes.get(key)!;
    this.#sizes.delete(key);
    this.bytes -= bytes;
    return bytes;
  }
}
