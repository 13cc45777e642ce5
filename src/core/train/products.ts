/** Gradients of matrix products and norms. */
import type { Attributes, Scope, Value } from "../graph/index.js";
import { asRows, meanOfLast, once, sumTo } from "./emit.js";
import { type Rule, unwritten } from "./rule.js";

const known = new Set(["transB", "alpha"]);

/** y = α · x · W, or α · x · Wᵀ: x [.., K], W [K, N] or [N, K] */
const fusedMatMul: Rule = ({ scope, node, inputs: [x, matrix], attributes, grad }) => {
  if (matrix!.shape.length !== 2 || Object.keys(attributes).some((name) => !known.has(name)))
    throw unwritten(node, "but of rows with a matrix, turned or not");
  const { transB = 0, ...alpha } = attributes;
  const sum = (left: Value, right: Value) =>
    scope.op("FusedMatMul", [asRows(scope, left), asRows(scope, right)], { ...alpha, transA: 1 });
  return [
    () => scope.op("FusedMatMul", [grad, matrix!], { ...alpha, transB: transB === 1 ? 0 : 1 }),
    () => (transB === 1 ? sum(grad, x!) : sum(x!, grad)),
  ];
};

/** What a norm multiplies its rows with: 1 / √(mean x² + ε) */
function inverseRoot(scope: Scope, x: Value, attributes: Attributes): Value {
  const { float: epsilon } = attributes.epsilon as { readonly float: number };
  const variance = meanOfLast(scope, scope.op("Mul", [x, x]));
  const root = scope.op("Sqrt", [scope.op("Add", [variance, scope.float32(epsilon)])]);
  return scope.op("Div", [scope.float32(1), root]);
}

/** y = n · w (+ b), n = c · r with r = 1/√(mean c² + ε) and c = x, less its mean in a LayerNorm. */
const norm =
  (isCentred: boolean): Rule =>
  ({ scope, inputs: [x, weight, bias], attributes, grad }) => {
    const centred = once(() => (isCentred ? scope.op("Sub", [x!, meanOfLast(scope, x!)]) : x!));
    const scale = once(() => inverseRoot(scope, centred(), attributes));
    const normed = once(() => scope.op("Mul", [centred(), scale()]));
    return [
      () => {
        const inner = scope.op("Mul", [grad, weight!]);
        const along = meanOfLast(scope, scope.op("Mul", [inner, normed()]));
        const across = scope.op("Sub", [inner, scope.op("Mul", [normed(), along])]);
        const free = isCentred ? scope.op("Sub", [across, meanOfLast(scope, inner)]) : across;
        return scope.op("Mul", [free, scale()]);
      },
      () => sumTo(scope, scope.op("Mul", [grad, normed()]), weight!),
      () => sumTo(scope, grad, bias!),
    ];
  };

export const products = {
  FusedMatMul: fusedMatMul,
  LayerNormalization: norm(true),
  SimplifiedLayerNormalization: norm(false),
} satisfies Record<string, Rule>;
