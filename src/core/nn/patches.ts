/** The first layer of a vision encoder: pixels of patches → one row a patch. */
import type { Scope, Value } from "../graph/index.js";

/**
 * A convolution whose stride is its kernel is a product of each patch's values (channel, [frame,] y, x) with the flattened
 * kernel. pixels [.., product of `kernel` but its first] → [.., kernel[0]]; the bias is optional.
 */
export function patchEmbedding(
  scope: Scope,
  pixels: Value,
  kernel: readonly [filters: number, ...patch: number[]],
  { weight, bias }: { readonly weight: string; readonly bias?: string },
): Value {
  const [filters, ...patch] = kernel;
  const numValues = patch.reduce((x, size) => x * size, 1);
  const flat = scope.reshape(scope.weight(weight, kernel), [filters, numValues]);
  const rows = scope.op("FusedMatMul", [pixels, flat], { transB: 1 });
  return bias === undefined ? rows : scope.op("Add", [rows, scope.weight(bias, [filters])]);
}
