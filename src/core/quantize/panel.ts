/** What rounding (compensate.ts) and its refinement (refine.ts) work on: some rows of a run of columns, and their codes so far. */

/** Some rows of a span on their way to codes. */
export interface Panel {
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  readonly blockSize: number;
  readonly zeroPoints: boolean;
  /** [rows, columns] */
  readonly values: Float64Array;
  /** Less the code of zero [rows, columns]. */
  readonly codes: Float64Array;
  /** [rows, blocks], as the next; rounded to float32. */
  readonly scales: Float64Array;
  readonly zeros: Float64Array;
}

/** Less the code of zero. */
export function nearestCode(value: number, scale: number, zero: number): number {
  return scale === 0 ? 0 : Math.max(-zero, Math.min(15 - zero, Math.round(value / scale)));
}
