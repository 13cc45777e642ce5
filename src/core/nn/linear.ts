/** Matrix products in whatever format the packing plan stores them; the model files do not know which. */
import type { Matrix, NestedScales, Scope, Value } from "../graph/index.js";
import { bytesOf, hadamard, rotationSize } from "../tensor/index.js";

/** TensorProto.FLOAT, INT32 */
const float = 1;
const int32 = 6;

/** y = x · Wᵀ (+ b). x [.., K] → [.., outFeatures]; weights `name.weight` [outFeatures, K], `name.bias` [outFeatures]. */
export function linear(scope: Scope, name: string, x: Value, outFeatures: number, options = { bias: false }): Value {
  const own = scope.at(name);
  const y = multiply(own, x, scope.matrix([name], [outFeatures], lastSize(x)));
  return options.bias ? own.op("Add", [y, own.weight("bias", [outFeatures])]) : y;
}

/** As `linear` without a bias, the matrix in float32 whatever the plan says. */
export function exactLinear(scope: Scope, name: string, x: Value, outFeatures: number): Value {
  const own = scope.at(name);
  return own.op("FusedMatMul", [x, own.weight("weight", [outFeatures, lastSize(x)])], { transB: 1 });
}

/**
 * Several products of the same x as one: rows of the matrices are stacked when packing, the result is split. Worth it for
 * narrow products (q, k, v); for wide ones (gate, up) the split costs more than it saves: `npm run bench -- fusion`.
 */
export function fusedLinear(
  scope: Scope,
  names: readonly string[],
  x: Value,
  outFeatures: readonly number[],
  options = { bias: false },
): Value[] {
  const own = scope.at(names.join("+"));
  const products = own.split(multiply(own, x, scope.matrix(names, outFeatures, lastSize(x))), outFeatures);
  if (!options.bias) return products;
  return products.map((y, i) => {
    const linear = scope.at(names[i]!);
    return linear.op("Add", [y, linear.weight("bias", [outFeatures[i]!])]);
  });
}

/** x [.., K] · matrixᵀ [N, K] → [.., N] */
export function multiply(scope: Scope, x: Value, matrix: Matrix): Value {
  const { format, rows, columns, values, scales, zeroPoints, nestedScales } = matrix;
  switch (format.kind) {
    case "f32":
      return scope.op("FusedMatMul", [x, values], { transB: 1 });
    case "f16":
      return scope.op("FusedMatMul", [x, scope.op("Cast", [values], { to: float })], { transB: 1 }); // widened at load
    case "int8":
    case "int4":
      return scope.op("MatMulNBits", zeroPoints ? [x, values, scales, zeroPoints] : [x, values, scales], {
        K: columns,
        N: rows,
        bits: format.kind === "int8" ? 8 : 4,
        block_size: format.blockSize,
        accuracy_level: 4, // x is quantised to int8 by block: the fast kernels of MLAS need it
      });
    case "w8a8":
      return wholeNumbers(scope, x, matrix);
    case "nf4":
      return scope.op("MatMulBnb4", [x, values, scales ?? unnested(scope, nestedScales!)], {
        K: columns,
        N: rows,
        block_size: format.blockSize,
        quant_type: 1, // NF4
      });
    default:
      return format satisfies never;
  }
}

/** The rows of an x as products of whole numbers read them. */
interface RoundedRows {
  /** u8 [rows, K]; 128 stands for zero. */
  readonly codes: Value;
  /** f32 [rows, 1]: what a step of the codes is worth. */
  readonly steps: Value;
}

/** Products that share an x share its codes too. */
const roundedRows = new WeakMap<Value, RoundedRows>();

/** x · matrixᵀ in 8-bit whole numbers; each row of x has its own scale, so it does not depend on the rows beside it. */
function wholeNumbers(scope: Scope, x: Value, { values, scales, rows }: Matrix): Value {
  const { codes, steps } = roundedRows.get(x) ?? roundRows(scope, x);
  roundedRows.set(x, { codes, steps });
  const inputs = [codes, values, scope.float32(1), scales, zeroCode(scope)];
  const y = scope.op("Mul", [scope.op("MatMulIntegerToFloat", inputs), steps]);
  if (x.shape.length === 2) return y;
  const shape = scope.op("Concat", [scope.op("Shape", [x], { start: 0, end: -1 }), scope.int64([rows])], { axis: 0 });
  return scope.op("Reshape", [y, shape]);
}

/** The columns are turned as those of the matrix were (tensor/hadamard.ts); then the largest of a row becomes 127. */
function roundRows(scope: Scope, x: Value): RoundedRows {
  const columns = lastSize(x);
  const size = rotationSize(columns);
  const matrix = scope.constant(`hadamard(${size})`, "f32", [size, size], bytesOf(hadamard(size)));
  const groups = scope.op("FusedMatMul", [scope.reshape(x, [-1, size]), matrix]);
  const turned = scope.reshape(groups, [-1, columns]);
  const largest = scope.op("ReduceMax", [scope.op("Abs", [turned])], { axes: [-1], keepdims: 1 });
  const steps = scope.op("Mul", [largest, scope.float32(1 / 127)]);
  const list = scope.reshape(steps, [-1]);
  const zeros = scope.op("Expand", [zeroCode(scope), scope.op("Shape", [list], { start: 0, end: 1 })]);
  return { codes: scope.op("QuantizeLinear", [turned, list, zeros], { axis: 0 }), steps };
}

/** The code of zero. */
function zeroCode(scope: Scope): Value {
  return scope.constant("u8(128)", "u8", [], Uint8Array.of(128));
}

/** The scales of stacked tensors one after another, as float32. ONNX Runtime computes them once, at load. */
function unnested(scope: Scope, tensors: readonly NestedScales[]): Value {
  const parts = tensors.map(({ codes, scales, table, offset, count }) => {
    const values = scope.op("Gather", [table, scope.op("Cast", [codes], { to: int32 })]);
    const padded = scope.reshape(scope.op("Add", [scope.op("Mul", [values, scales]), offset]), [-1]);
    const padding = (padded.shape[0] as number) - count;
    return padding === 0 ? padded : scope.split(padded, [count, padding])[0]!;
  });
  return parts.length === 1 ? parts[0]! : scope.op("Concat", parts, { axis: 0 });
}

/** Size of the last axis, which is never symbolic in our graphs. */
export function lastSize(x: Value): number {
  return x.shape[x.shape.length - 1] as number;
}
