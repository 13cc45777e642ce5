/** How far a restored tensor is from the original. */
import { invariant } from "../base/index.js";

export interface QuantizationError {
  readonly maxAbs: number;
  readonly rmse: number;
  /** rmse over the original's root mean square. */
  readonly relative: number;
  readonly cosine: number;
}

export function quantizationError(original: Float32Array, restored: Float32Array): QuantizationError {
  invariant(original.length === restored.length, "the tensors to compare differ in size");
  let [maxAbs, squares, originalSquares, restoredSquares, dot] = [0, 0, 0, 0, 0];
  for (let i = 0; i < original.length; i++) {
    const [a, b] = [original[i]!, restored[i]!];
    maxAbs = Math.max(maxAbs, Math.abs(a - b));
    squares += (a - b) ** 2;
    originalSquares += a * a;
    restoredSquares += b * b;
    dot += a * b;
  }
  const norms = Math.sqrt(originalSquares * restoredSquares);
  return {
    maxAbs,
    rmse: Math.sqrt(squares / original.length),
    relative: originalSquares === 0 ? 0 : Math.sqrt(squares / originalSquares),
    cosine: norms === 0 ? 1 : dot / norms,
  };
}
