/** Matrix products in whatever format the packing plan stores them; the model files do not know which. */
import type { Matrix, Scope, Value } from "../graph/index.js";

/** TensorProto.FLOAT */
const float = 1;

/** y = x · Wᵀ (+ b). x [.., K] → [.., outFeatures]; weights `name.weight` [outFeatures, K], `name.bias` [outFeatures]. */
export function linear(scope: Scope, name: string, x: Value, outFeatures: number, options = { bias: false }): Value {
  const own = scope.at(name);
  const y = multiply(own, x, scope.matrix([name], [outFeatures], lastSize(x)));
  return options.bias ? own.op("Add", [y, own.weight("bias", [outFeatures])]) : y;
}

/**
 * Several products of the same x as one: rows of the matrices are stacked when packing, the result is split. Worth it for
 * narrow products (q, k, v); for wide ones (gate, up) the split costs more than it saves: `npm run bench -- fusion`.
 */
export function fusedLinear(scope: Scope, names: readonly string[], x: Value, outFeatures: readonly number[]): Value[] {
  const own = scope.at(names.join("+"));
  return own.split(multiply(own, x, scope.matrix(names, outFeatures, lastSize(x))), outFeatures);
}

/** x [.., K] · matrixᵀ [N, K] → [.., N] */
export function multiply(scope: Scope, x: Value, matrix: Matrix): Value {
  const { format, rows, columns, values, scales } = matrix;
  switch (format.kind) {
    case "f32":
      return scope.op("FusedMatMul", [x, values], { transB: 1 });
    case "f16":
      return scope.op("FusedMatMul", [x, scope.op("Cast", [values], { to: float })], { transB: 1 });
    case "int8":
    case "int4":
      return scope.op("MatMulNBits", [x, values, scales], {
        K: columns,
        N: rows,
        bits: format.kind === "int8" ? 8 : 4,
        block_size: format.blockSize,
        accuracy_level: 4, // x is quantised to int8 by block: the fast kernels of MLAS need it
      });
    default:
      return format satisfies never;
  }
}

/** Size of the last axis, which is never symbolic in our graphs. */
export function lastSize(x: Value): number {
  return x.shape[x.shape.length - 1] as number;
}
