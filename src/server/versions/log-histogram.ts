/** Durations and speeds as counts in bins of a logarithmic scale: any number of values in a kilobyte, quantiles within 5 %. */
import { invariant } from "../../core/base/index.js";

const perOctave = 8;
/** From 8 microseconds to 17 minutes, in milliseconds; tokens a second lie well within. */
const lowest = 2 ** -7;
const numBins = 27 * perOctave;

export class LogHistogram {
  /** Absent while there is nothing to count: most are empty. */
  #counts: Uint32Array | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param value positive; what lies beyond the scale counts as its end */
  add(value: number): void {
    const bin = Math.floor(Math.log2(value / lowest) * perOctave);
    this.#counts ??= new Uint32Array(numBins);
    this.#counts[Math.min(numBins - 1, Math.max(0, bin))]!++;
    this.#count++;
  }

  merge(other: LogHistogram): void {
    if (!other.#counts) return;
    this.#counts ??= new Uint32Array(numBins);
    for (let bin = 0; bin < numBins; bin++) this.#counts[bin]! += other.#counts[bin]!;
    this.#count += other.#count;
  }

  /** The middle of the bin of the value that is the `rank`-th, the first being 1. There must be so many. */
  valueAt(rank: number): number {
    const counts = this.#counts;
    invariant(counts && rank >= 1 && rank <= this.#count, `the ${rank}th of ${this.#count} values`);
    let below = 0;
    let bin = -1;
    while (below < rank && bin < numBins - 1) below += counts[++bin]!;
    return lowest * 2 ** ((bin + 0.5) / perOctave);
  }
}
