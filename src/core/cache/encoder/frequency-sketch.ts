/**
 * How often each key was asked for lately, in constant memory: a count-min sketch of small counters that are halved when
 * the sample is full, so that what was popular last week fades. Estimates are never too low (before halving), and too high
 * only where keys collide in every row. [Einziger, Friedman, Manes: TinyLFU, ACM TOS 13(4), 2017]
 */

export type HashKey = (key: string) => number;

const numRows = 4;
/** Counters of a row, a power of two: half a megabyte in all, and few collisions up to a hundred thousand keys. */
const width = 2 ** 17;
/** What a counter needs to tell: beyond this, popular is popular. */
const most = 15;

export class FrequencySketch {
  readonly #counters = new Uint8Array(numRows * width);
  readonly #hash: HashKey;
  #numSeen = 0;

  constructor(hash: HashKey = fnv1a) {
    this.#hash = hash;
  }

  /** Counts one more; `sampleSize` is how many are counted before all counters are halved. */
  add(key: string, sampleSize: number): void {
    for (const at of this.#places(key)) if (this.#counters[at]! < most) this.#counters[at]!++;
    if (++this.#numSeen < sampleSize) return;
    for (let i = 0; i < this.#counters.length; i++) this.#counters[i]! >>>= 1;
    this.#numSeen >>>= 1;
  }

  estimate(key: string): number {
    return Math.min(...this.#places(key).map((at) => this.#counters[at]!));
  }

  /** One counter a row, by double hashing. */
  #places(key: string): number[] {
    const hash = this.#hash(key);
    const step = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) | 1;
    return Array.from({ length: numRows }, (_, row) => {
      const mixed = Math.imul(hash + row * step, 0x9e3779b1) >>> 15; // the upper 17 bits
      return row * width + mixed;
    });
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
