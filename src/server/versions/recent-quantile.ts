/** A quantile of the last values, for a bar that follows the load of the day. */

const numKept = 500;
/** Below it a quantile says nothing. */
const numNeeded = 50;

export class RecentQuantile {
  readonly #quantile: number;
  readonly #values: number[] = [];
  #next = 0;
  #sorted: number[] | undefined;

  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  /** Undefined before there is enough to say. */
  get value(): number | undefined {
    if (this.#values.length < numNeeded) return undefined;
    this.#sorted ??= [...this.#values].sort((a, b) => a - b);
    return this.#sorted[Math.floor(this.#quantile * (this.#sorted.length - 1))];
  }

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % numKept;
    this.#sorted = undefined;
  }
}
