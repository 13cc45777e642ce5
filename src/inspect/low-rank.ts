/**
 * Is a change D = B − A of low rank, as a merged LoRA's is? A randomised range finder on the rows of D: W = ΨD, Ψ being a
 * sparse matrix of signs with 128 rows, keeps the singular values of a D of low rank nearly as they are, and gives a D
 * without structure a flat spectrum. [Halko, Martinsson, Tropp 2011, SIAM Review 53(2), section 4; sparse signs: Tropp,
 * Yurtsever, Udell, Cevher 2019, SIAM J. Sci. Comput. 41(4)] One pass over D, so the share of energy is W's, not that of a
 * projection of D.
 */
import { sketchRows } from "./piece-difference.js";

export interface LowRank {
  /** Where the spectrum falls most steeply, among the ranks that hold the threshold's share of the energy. */
  readonly rank: number;
  /** Of the squares of the change, what so many directions hold. */
  readonly energy: number;
}

/** A merge rounded to bf16 adds noise that has no rank; a tenth of the energy may be such. */
const lowRankEnergy = 0.9;
/** Half of the sketch's rows: above, a spectrum of no structure would seem to be low, too. */
const maxLowRank = sketchRows / 2;
/** A rank over this share of the smaller side says nothing: any small matrix has one. */
const maxShareOfSide = 1 / 8;
/**
 * Smaller sides have low ranks for other reasons: one number added to a 16 × 16 matrix is a change of rank 1. Adapters change
 * the projections of attention and feed-forward, of which no published model has a narrower one.
 */
const minSide = 64;
/** Eigenvalues below this share of the largest are zeros of float32 sums. */
const roundingFloor = 1e-10;

/** @param sketch [sketchRows, columns] of a [rows, columns] change. Undefined when it is not of low rank. */
export function lowRankOf(sketch: Float32Array, rows: number, columns: number): LowRank | undefined {
  const side = Math.min(rows, columns);
  const limit = side < minSide ? 0 : Math.min(maxLowRank, Math.floor(side * maxShareOfSide));
  const gram = gramOf(sketch, columns);
  const trace = gram.reduce((sum, row, i) => sum + row[i]!, 0);
  const squares = gram.reduce((sum, row) => sum + row.reduce((s, value) => s + value * value, 0), 0);
  // If `limit` directions held the share, Cauchy-Schwarz would bound the sum of squared eigenvalues from below.
  if (limit < 1 || trace === 0 || squares < (lowRankEnergy * trace) ** 2 / limit) return undefined;
  const values = eigenvalues(gram).sort((a, b) => b - a);
  return steepestFall(values, trace, limit);
}

function steepestFall(values: readonly number[], trace: number, limit: number): LowRank | undefined {
  let [held, best, steepest] = [0, undefined as LowRank | undefined, 0];
  for (let rank = 1; rank <= limit; rank++) {
    held += values[rank - 1]!;
    const fall = values[rank - 1]! / Math.max(values[rank]!, values[0]! * roundingFloor);
    if (held < lowRankEnergy * trace || fall <= steepest) continue;
    steepest = fall;
    best = { rank, energy: Math.min(1, held / trace) };
  }
  return best;
}

function gramOf(sketch: Float32Array, columns: number): number[][] {
  const row = (i: number) => sketch.subarray(i * columns, (i + 1) * columns);
  const gram = Array.from({ length: sketchRows }, () => new Array<number>(sketchRows).fill(0));
  for (let i = 0; i < sketchRows; i++) {
    for (let j = 0; j <= i; j++) gram[i]![j] = gram[j]![i] = dot(row(i), row(j));
  }
  return gram;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Sweeps; each squares the error once it is small, and eight are enough for 128 rows. */
const maxSweeps = 12;

/** Of a symmetric matrix, by cyclic Jacobi rotations. [Golub, Van Loan, Matrix Computations, section 8.5] */
export function eigenvalues(symmetric: readonly (readonly number[])[]): number[] {
  const a = symmetric.map((row) => Float64Array.from(row));
  const diagonal = () => a.map((row, i) => row[i]!);
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    const rest = a.reduce((sum, row, i) => sum + row.reduce((s, value, j) => (i === j ? s : s + value * value), 0), 0);
    const whole = diagonal().reduce((sum, value) => sum + value * value, 0);
    if (rest <= 1e-24 * whole) break;
    for (let p = 0; p < a.length; p++) for (let q = p + 1; q < a.length; q++) rotate(a, p, q);
  }
  return diagonal();
}

/** Makes a[p][q] zero. */
function rotate(a: readonly Float64Array[], p: number, q: number): void {
  const [rowP, rowQ] = [a[p]!, a[q]!];
  if (rowP[q] === 0) return;
  const theta = (rowQ[q]! - rowP[p]!) / (2 * rowP[q]!);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  for (let k = 0; k < a.length; k++) [rowP[k], rowQ[k]] = [c * rowP[k]! - s * rowQ[k]!, s * rowP[k]! + c * rowQ[k]!];
}
