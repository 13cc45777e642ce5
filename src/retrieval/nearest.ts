/** The best few of many, kept in order as they come: a list for small counts, which is what people look at. */
import type { Neighbour } from "./vector-index.js";

export class Nearest {
  readonly #count: number;
  readonly #best: Neighbour[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Below this a candidate need not be offered. */
  get floor(): number {
    return this.#best.length < this.#count ? Number.NEGATIVE_INFINITY : this.#best.at(-1)!.score;
  }

  offer(key: number, score: number): void {
    const isBetter = (other: Neighbour) => score > other.score || (score === other.score && key < other.key);
    if (this.#best.length === this.#count && !isBetter(this.#best.at(-1)!)) return;
    let [low, high] = [0, this.#best.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBetter(this.#best[middle]!)) high = middle;
      else low = middle + 1;
    }
    this.#best.splice(low, 0, { key, score });
    if (this.#best.length > this.#count) this.#best.pop();
  }

  list(): Neighbour[] {
    return this.#best;
  }
}
