/** Least squares by normal equations, one weighted row after another; a little damped towards zero, for what the rows do not tell. */
export class LeastSquares {
  readonly #n: number;
  /** Upper half. */
  readonly #normal: Float64Array;
  readonly #right: Float64Array;

  constructor(numUnknowns: number) {
    this.#n = numUnknowns;
    this.#normal = new Float64Array(numUnknowns * numUnknowns);
    this.#right = new Float64Array(numUnknowns);
  }

  /** row · unknowns ≈ value */
  add(row: Float64Array, value: number, weight: number): void {
    const n = this.#n;
    for (let a = 0; a < n; a++) {
      const weighted = weight * row[a]!;
      this.#right[a]! += weighted * value;
      for (let b = a; b < n; b++) this.#normal[a * n + b]! += weighted * row[b]!;
    }
  }

  /** Gaussian elimination. */
  solution(): Float64Array {
    const n = this.#n;
    const matrix = Array.from({ length: n }, (_, a) => this.#matrixRow(a));
    for (let a = 0; a < n; a++)
      for (let below = a + 1; below < n; below++) {
        const factor = matrix[below]![a]! / matrix[a]![a]!;
        for (let b = a; b <= n; b++) matrix[below]![b]! -= factor * matrix[a]![b]!;
      }
    const solution = new Float64Array(n);
    for (let a = n - 1; a >= 0; a--) {
      let rest = matrix[a]![n]!;
      for (let b = a + 1; b < n; b++) rest -= matrix[a]![b]! * solution[b]!;
      solution[a] = rest / matrix[a]![a]!;
    }
    return solution;
  }

  #matrixRow(a: number): Float64Array {
    const n = this.#n;
    return Float64Array.from({ length: n + 1 }, (_, b) => {
      if (b === n) return this.#right[a]!;
      const entry = this.#normal[Math.min(a, b) * n + Math.max(a, b)]!;
      return a === b ? entry * (1 + 1e-6) + 1e-3 : entry;
    });
  }
}
