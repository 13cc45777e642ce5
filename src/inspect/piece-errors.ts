/** What storing a piece of a matrix in each format would lose. Runs in worker threads; what it returns adds up. */
import { quantizationError, restoredRows } from "../core/quantize/index.js";
import type { WeightFormat } from "../core/tensor/index.js";

export interface PieceErrors {
  /** Σ_k energy_k Σ_n w_nk²: what the products of these rows give, squared and summed. */
  readonly signal: number;
  /** Of each format, in the order asked for. */
  readonly formats: readonly FormatLoss[];
}

export interface FormatLoss {
  /** Σ_k energy_k Σ_n (w_nk − ŵ_nk)² */
  readonly noise: number;
  readonly maxAbs: number;
}

export interface ErrorQuery {
  readonly name: string;
  readonly columns: number;
  readonly formats: readonly WeightFormat[];
  /** Mean square of each input channel [columns]; absent: all are 1, so that `noise` is of the weights themselves. */
  readonly energies?: Float32Array;
}

/** @throws `invalid_file` naming the place of a value that a format cannot hold. */
export function measurePiece(values: Float32Array, firstRow: number, query: ErrorQuery): PieceErrors {
  const { name, columns, formats, energies } = query;
  const source = { values, rows: values.length / columns, columns, origin: { tensor: name, firstRow } };
  return {
    signal: weightedSquares(values, undefined, columns, energies),
    formats: formats.map((format) => {
      const restored = restoredRows(source, format);
      const { maxAbs } = quantizationError(values, restored);
      return { noise: weightedSquares(values, restored, columns, energies), maxAbs };
    }),
  };
}

/** Σ energy·(value − restored)², or of the values alone. */
function weightedSquares(
  values: Float32Array,
  restored: Float32Array | undefined,
  columns: number,
  energies: Float32Array | undefined,
): number {
  let sum = 0;
  for (let row = 0; row < values.length; row += columns) {
    for (let k = 0; k < columns; k++) {
      const difference = values[row + k]! - (restored ? restored[row + k]! : 0);
      sum += difference * difference * (energies ? energies[k]! : 1);
    }
  }
  return sum;
}
