/**
 * Finds, among pictures that are kept, the one that a new picture is but another encoding of. A light descriptor proposes, by inner
 * product; a comparison tile by tile (same-image.ts) disposes. It knows what pictures look like and under what they are kept, no
 * features; pictures of different scopes (a model with its preprocessing) never meet. Why so: docs/decisions/0007.
 */

import { type KnownImage, TinyLfu } from "../core/cache/index.js";
import { type Comparer, comparesHere } from "./comparer.js";
import { type Fingerprint, innerProduct, type QueryImage } from "./fingerprint.js";

/** A picture whose features are kept under `key`. */
export interface CachedNearDuplicate extends KnownImage {
  readonly key: string;
}

export interface NearDuplicate extends CachedNearDuplicate {
  /** Cosine of the descriptors. */
  readonly similarity: number;
}

interface Entry {
  readonly scope: string;
  readonly kept: CachedNearDuplicate;
  readonly look: Fingerprint;
}

/** Lower than harmless variants fall (a crop moves lines of print): what it lets through in vain costs a comparison, no answer. */
export const leastSimilarity = 0.8;
/** Comparisons that a new picture may cost: pages of one form are all alike to the descriptor. */
const mostComparisons = 3;

export class NearDuplicates {
  readonly #policy: TinyLfu;
  readonly #comparer: Comparer;
  readonly #entries = new Map<string, Entry>();

  /** @param comparer closed by `close`. */
  constructor(maxBytes: number, comparer: Comparer = comparesHere) {
    this.#policy = new TinyLfu(maxBytes);
    this.#comparer = comparer;
  }

  get bytes(): number {
    return this.#policy.bytes;
  }

  get size(): number {
    return this.#policy.size;
  }

  /** What `find` and `add` take. */
  look(image: QueryImage): Promise<Fingerprint> {
    return this.#comparer.look(image);
  }

  /** The kept picture of this scope that shows all that this one does, if there is one. */
  async find(scope: string, look: Fingerprint): Promise<NearDuplicate | undefined> {
    for (const { entry, similarity } of this.#proposed(scope, look)) {
      const isSame = await this.#comparer.compare(look, entry.look);
      if (!isSame || this.#entries.get(entry.kept.key) !== entry) continue; // or it was forgotten meanwhile
      this.#policy.touch(entry.kept.key);
      return { ...entry.kept, similarity };
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Keeps what the picture looks like, for those that come later. */
  add(scope: string, kept: CachedNearDuplicate, look: Fingerprint): void {
    const { key } = kept;
    this.remove(key);
    this.#policy.touch(key);
    this.#entries.set(key, { scope, kept, look });
    for (const gone of this.#policy.add(key, look.bytes.length + look.descriptor.byteLength))
      this.#entries.delete(gone);
  }

  /** Its features are gone: it can answer for no one. */
  remove(key: string): void {
    this.#policy.remove(key);
    this.#entries.delete(key);
  }

  async close(): Promise<void> {
    await this.#comparer.close();
  }

  /** The most alike at a glance first. */
  #proposed(scope: string, look: Fingerprint) {
    return [...this.#entries.values()]
      .filter((entry) => entry.scope === scope)
      .map((entry) => ({ entry, similarity: innerProduct(look.descriptor, entry.look.descriptor) }))
      .filter(({ similarity }) => similarity >= leastSimilarity)
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, mostComparisons);
  }
}
