/** Sums over the pieces of a tensor → numbers for people: bounds, moments, quantiles, outlier channels, a histogram. */
import { type DType, elementCount, type Shape, type TensorInfo } from "../core/tensor/index.js";
import type { Moments, PieceStatistics } from "./piece-statistics.js";
import { type CodeTable, codeTable, numCodes } from "./value-codes.js";

export interface TensorStatistics {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly numElements: number;
  readonly numZeros: number;
  readonly numNaN: number;
  readonly numInfinite: number;
  /** Over finite values; all 0 when there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  /** Root of the mean square: the size of a typical value. */
  readonly rms: number;
  /** The smallest value that at least this share of the values does not exceed. */
  readonly quantiles: readonly { readonly share: number; readonly value: number }[];
  /** Equal bins between `low` and `high`, six deviations around the mean at most; what lies outside is in the last bins. */
  readonly histogram: { readonly low: number; readonly high: number; readonly counts: readonly number[] };
  /** Of matrices. */
  readonly rows?: RowStatistics;
}

export interface RowStatistics {
  /** Rows of zeros only. */
  readonly numDead: number;
  /** Columns, that is input channels, whose size is over `outlierRatio` times the median column's; the largest first. */
  readonly numOutliers: number;
  readonly outliers: readonly { readonly channel: number; readonly ratio: number }[];
  /** Error of int4 in blocks of 32, relative to the values, on up to 256 rows; absent when nothing could be measured. */
  readonly int4Error?: number;
}

/**
 * A channel four times as large as its neighbours sets the scale of the blocks it is in: their int4 steps become about
 * twice as coarse as without it.
 */
export const outlierRatio = 4;
const maxListedOutliers = 16;
const numBins = 64;
const shares = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999];

/**
 * Adds pieces of one tensor; they may come in any order. Half a megabyte of counts from the first piece to the last, when
 * they become what is told of the tensor: a checkpoint of any number of tensors has a few in work.
 */
export class StatisticsSum {
  readonly #info: TensorInfo;
  #counts: Float64Array | undefined;
  #numLeft: number;
  #finished: TensorStatistics | undefined;
  #exact: Moments | undefined;
  #columnSquares: Float64Array | undefined;
  #numDead = 0;
  #int4 = { errorSquares: 0, squares: 0 };

  constructor(info: TensorInfo) {
    this.#info = info;
    this.#numLeft = elementCount(info.shape);
  }

  add(piece: PieceStatistics, numElements: number): void {
    this.#counts ??= new Float64Array(numCodes);
    const counts = this.#counts;
    for (let code = 0; code < numCodes; code++) counts[code]! += piece.counts[code]!;
    if (piece.exact) this.#exact = this.#exact ? addMoments(this.#exact, piece.exact) : piece.exact;
    this.#numDead += piece.numDeadRows;
    this.#columnSquares ??= new Float64Array(piece.columnSquares.length);
    for (const [i, squares] of piece.columnSquares.entries()) this.#columnSquares[i]! += squares;
    this.#int4.errorSquares += piece.int4.errorSquares;
    this.#int4.squares += piece.int4.squares;
    this.#numLeft -= numElements;
    if (this.#numLeft > 0) return;
    this.#finished = this.#finish(counts);
    this.#counts = undefined;
    this.#columnSquares = undefined;
  }

  /** After the last piece; a tensor without elements has none. */
  finish(): TensorStatistics {
    return this.#finished ?? this.#finish(new Float64Array(numCodes));
  }

  #finish(counts: Float64Array): TensorStatistics {
    const { name, dtype, shape } = this.#info;
    const finite = new Distribution(codeTable(dtype), counts);
    const { sum, squares, min, max } = this.#exact ?? finite.moments();
    const n = Math.max(1, finite.count);
    const [low, high] = finite.count === 0 ? [0, 0] : [min, max];
    const [mean, rms] = [sum / n, Math.sqrt(squares / n)];
    const std = Math.sqrt(Math.max(0, squares / n - mean ** 2));
    return {
      ...{ name, dtype, shape },
      numElements: counts.reduce((total, count) => total + count, 0),
      numZeros: counts[0]! + counts[minusZero]!,
      ...notFinite(dtype, counts),
      ...{ min: low, max: high, mean, std, rms },
      quantiles: shares.map((share) => ({ share, value: Math.min(high, Math.max(low, finite.quantile(share))) })),
      histogram: finite.histogram(Math.max(low, mean - 6 * std), Math.min(high, mean + 6 * std)),
      ...(this.#columnSquares?.length && { rows: this.#rows(this.#columnSquares) }),
    };
  }

  #rows(columnSquares: Float64Array): RowStatistics {
    const sorted = columnSquares.slice().sort();
    const median = sorted[sorted.length >> 1]!;
    const outliers = [...columnSquares]
      .map((squares, channel) => ({ channel, ratio: median === 0 ? 0 : Math.sqrt(squares / median) }))
      .filter(({ ratio }) => ratio > outlierRatio)
      .sort((a, b) => b.ratio - a.ratio);
    const { errorSquares, squares } = this.#int4;
    return {
      numDead: this.#numDead,
      numOutliers: outliers.length,
      outliers: outliers.slice(0, maxListedOutliers),
      ...(squares > 0 && { int4Error: Math.sqrt(errorSquares / squares) }),
    };
  }
}

const minusZero = 0x8000;

function notFinite(dtype: DType, counts: Float64Array): { numNaN: number; numInfinite: number } {
  const { infinities, nans } = codeTable(dtype);
  const sum = (codes: Uint16Array) => codes.reduce((total, code) => total + counts[code]!, 0);
  return { numNaN: sum(nans), numInfinite: sum(infinities) };
}

function addMoments(a: Moments, b: Moments): Moments {
  const [min, max] = [Math.min(a.min, b.min), Math.max(a.max, b.max)];
  return { sum: a.sum + b.sum, squares: a.squares + b.squares, min, max };
}

/** What can be asked of counted codes. */
class Distribution {
  readonly count: number;
  /** Finite values that occur, ascending, and how often. */
  readonly #values: number[] = [];
  readonly #counts: number[] = [];

  constructor({ values, ascending }: CodeTable, counts: Float64Array) {
    for (const code of ascending) {
      if (counts[code] === 0) continue;
      this.#values.push(values[code]!);
      this.#counts.push(counts[code]!);
    }
    this.count = this.#counts.reduce((a, b) => a + b, 0);
  }

  moments(): Moments {
    let [sum, squares] = [0, 0];
    for (const [i, value] of this.#values.entries()) {
      sum += value * this.#counts[i]!;
      squares += value * value * this.#counts[i]!;
    }
    return { sum, squares, min: this.#values[0] ?? 0, max: this.#values.at(-1) ?? 0 };
  }

  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.count));
    for (const [i, value] of this.#values.entries()) {
      left -= this.#counts[i]!;
      if (left <= 0) return value;
    }
    return 0;
  }

  histogram(low: number, high: number): TensorStatistics["histogram"] {
    const bins = new Array<number>(numBins).fill(0);
    const width = (high - low) / numBins || 1;
    for (const [i, value] of this.#values.entries())
      bins[Math.min(numBins - 1, Math.max(0, Math.floor((value - low) / width)))]! += this.#counts[i]!;
    return { low, high, counts: bins };
  }
}
