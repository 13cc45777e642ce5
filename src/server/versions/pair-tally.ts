/** What was seen of one version beside another, as sums: every figure is a mean over all pairs since it began. */
import type { Agreement, Comparison, MirrorRole } from "../../rollout/index.js";

/** Which version is compared with which, and why. */
export interface Pairing {
  readonly alias: string;
  readonly served: string;
  readonly role: MirrorRole;
  /** The version that is asked too. */
  readonly tag: string;
}

/** Why a question was not mirrored after all. */
export type DropReason = "full" | "yielded" | "unguarded" | "ended";

/** The first summary that is written down; the next one at twice as many pairs: twenty of a million. */
const firstSummary = 50;

/** Of a pair: what the served version took, and the mirrored one. */
export interface Pair {
  readonly agreement: Agreement;
  readonly firstTokenMs: readonly [number, number];
}

export class PairTally {
  readonly pairing: Pairing;
  readonly #counts = { numPairs: 0, numExact: 0, numFailed: 0, numDropped: 0 };
  readonly #sums = { similarity: 0, sameUntil: 0, words: [0, 0], firstTokenMs: [0, 0] };
  #summaryAt = firstSummary;
  #numWritten = 0;

  constructor(pairing: Pairing) {
    this.pairing = pairing;
  }

  add({ agreement, firstTokenMs }: Pair): void {
    const { isExact, similarity, sameUntil, numWords } = agreement;
    this.#counts.numPairs++;
    if (isExact) this.#counts.numExact++;
    this.#sums.similarity += similarity;
    this.#sums.sameUntil += sameUntil;
    for (const side of [0, 1] as const) {
      this.#sums.words[side]! += numWords[side];
      this.#sums.firstTokenMs[side]! += firstTokenMs[side];
    }
  }

  /** The mirrored version gave no answer to what the served one did. @returns how often that was so */
  fail(): number {
    this.#counts.numPairs++;
    return ++this.#counts.numFailed;
  }

  drop(): void {
    this.#counts.numDropped++;
  }

  comparison(): Comparison {
    const { numPairs, numFailed } = this.#counts;
    const { similarity, sameUntil, words, firstTokenMs } = this.#sums;
    const both = ([served, mirrored]: number[]) => ({
      served: mean(served!, numPairs - numFailed),
      mirrored: mean(mirrored!, numPairs - numFailed),
    });
    return {
      served: this.pairing.served,
      ...this.#counts,
      similarity: mean(similarity, numPairs),
      sameUntil: mean(sameUntil, numPairs),
      numWords: both(words),
      firstTokenMs: both(firstTokenMs),
    };
  }

  /** What is to be written down now, if anything. @param isLast there will be no more */
  summary(isLast: boolean): Comparison | undefined {
    const { numPairs } = this.#counts;
    if (numPairs === this.#numWritten || (!isLast && numPairs < this.#summaryAt)) return undefined;
    this.#numWritten = numPairs;
    this.#summaryAt = Math.max(firstSummary, 2 * numPairs);
    return this.comparison();
  }
}

function mean(sum: number, count: number): number {
  return count === 0 ? 0 : sum / count;
}
