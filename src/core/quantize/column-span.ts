/**
 * What a product's inputs say of a run of its columns: H = Σ x·xᵀ, and the factor that compensating rounding needs (compensate.ts),
 * U upper triangular with UᵀU = (H + ridge)⁻¹. The ridge keeps H of few inputs from being believed to the last digit: the fewer
 * inputs a column has, the less of what H says holds for others. Both steps of the factor take n³/6 multiplications.
 */
import { invariant, OcellusError } from "../base/index.js";

/** Neighbouring columns that make up for one another. */
export interface ColumnSpan {
  /** The first of them: a multiple of the block size. */
  readonly start: number;
  readonly columns: number;
  /** H [columns, columns]. */
  readonly gram: Float64Array;
  /** U [columns, columns]. */
  readonly factor: Float64Array;
  /** Added to H's diagonal. */
  readonly ridge: number;
  /** What the rounded product is to give, where that is not what the weights give: */
  readonly target?: SpanTarget;
}

/**
 * Weights w are to give of x what they give of x′, which x was before earlier rounding, and r more in each row: least squares moves
 * them to w + (w·C + D)·(H + ridge)⁻¹. [asymmetric calibration: Li et al., GPTAQ, 2025; r: docs/quantization.md]
 */
export interface SpanTarget {
  /** C = Σ (x′ − x)·xᵀ [columns, columns]. */
  readonly cross: Float64Array;
  /** D = Σ r·xᵀ [rows of the whole matrix, columns]. Absent: r is 0. */
  readonly more?: Float32Array | undefined;
}

/** Of the mean of H's diagonal; with few inputs their number decides. [Frantar et al. 2022 have 1 % throughout] */
const leastDamping = 0.01;

/** @param numInputs that H sums over */
export function ridgeOf(gram: Float64Array, columns: number, numInputs: number): number {
  let trace = 0;
  for (let i = 0; i < columns; i++) trace += gram[i * columns + i]!;
  const damping = Math.min(1, Math.max(leastDamping, columns / numInputs));
  return trace > 0 ? (damping * trace) / columns : 1;
}

/**
 * Writes U into `factor`. With H + ridge = R·Rᵀ, R upper triangular, U is R⁻¹: no inverse is computed on the way.
 * @throws `internal` when H is no sum of squares.
 */
export function writeFactor({ gram, factor, columns, ridge }: Omit<ColumnSpan, "start">): void {
  invariant(gram.length === columns * columns, `${gram.length} values are not ${columns} rows of ${columns}`);
  factor.set(gram);
  for (let i = 0; i < columns; i++) factor[i * columns + i]! += ridge;
  decompose(factor, columns);
  invert(factor, columns);
}

/** H → R in its upper half, column by column from the last: Cholesky, backwards. */
function decompose(h: Float64Array, n: number): void {
  for (let j = n - 1; j >= 0; j--) {
    const left = h[j * n + j]! - dot(h, j * n + j + 1, n - 1 - j, h, j * n + j + 1);
    if (!(left > 0)) throw notPositive(j, left);
    const root = Math.sqrt(left);
    h[j * n + j] = root;
    for (let i = 0; i < j; i++)
      h[i * n + j] = (h[i * n + j]! - dot(h, i * n + j + 1, n - 1 - j, h, j * n + j + 1)) / root;
  }
}

function notPositive(column: number, found: number): OcellusError {
  const message = `internal: H is not positive definite: column ${column} leaves ${found}`;
  return new OcellusError("internal", message, { details: { column, found } });
}

/** Σ a[at + i]·b[from + i]. Four sums: one would wait for itself at each step. */
export function dot(a: Float64Array, at: number, count: number, b: Float64Array, from: number): number {
  let s = 0;
  let t = 0;
  let u = 0;
  let v = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    s += a[at + i]! * b[from + i]!;
    t += a[at + i + 1]! * b[from + i + 1]!;
    u += a[at + i + 2]! * b[from + i + 2]!;
    v += a[at + i + 3]! * b[from + i + 3]!;
  }
  for (; i < count; i++) s += a[at + i]! * b[from + i]!;
  return s + t + (u + v);
}

/** R → R⁻¹ in the upper half, row by row from the last; zeros below. */
function invert(r: Float64Array, n: number): void {
  const row = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    row.fill(0);
    for (let k = i + 1; k < n; k++) subtract(row, k, r, k * n + k, -r[i * n + k]!, n - k);
    const inverse = 1 / r[i * n + i]!;
    r.fill(0, i * n, i * n + i);
    r[i * n + i] = inverse;
    for (let k = i + 1; k < n; k++) r[i * n + k] = -inverse * row[k]!;
  }
}

/** to[at + k] −= factor · from[start + k]; four at a time, which V8 does half as fast again. */
export function subtract(
  to: Float64Array,
  at: number,
  from: Float64Array,
  start: number,
  factor: number,
  count: number,
): void {
  let k = 0;
  for (; k + 3 < count; k += 4) {
    const i = at + k;
    const j = start + k;
    to[i]! -= factor * from[j]!;
    to[i + 1]! -= factor * from[j + 1]!;
    to[i + 2]! -= factor * from[j + 2]!;
    to[i + 3]! -= factor * from[j + 3]!;
  }
  for (; k < count; k++) to[at + k]! -= factor * from[start + k]!;
}
