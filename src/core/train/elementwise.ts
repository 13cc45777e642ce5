/** Gradients of operators that work number by number, broadcasting included. */
import type { Scope, Value } from "../graph/index.js";
import { complement, sumTo } from "./emit.js";
import type { Rule } from "./rule.js";

type Derivative = (scope: Scope, x: Value, y: Value) => Value;

/** y = f(x): the gradient times f′. */
const pointwise =
  (derivative: Derivative): Rule =>
  ({ scope, inputs: [x], output, grad }) => [() => scope.op("Mul", [grad, derivative(scope, x!, output)])];

/** x · σ(αx) → σ + αx · σ · (1 - σ) */
const quickGelu: Rule = ({ scope, inputs: [x], attributes, grad }) => {
  const { float: alpha } = attributes.alpha as { readonly float: number };
  const scaled = (value: Value) => (alpha === 1 ? value : scope.op("Mul", [value, scope.float32(alpha)]));
  return [
    () => {
      const sigmoid = scope.op("Sigmoid", [scaled(x!)]);
      const slope = scope.op("Mul", [scaled(x!), complement(scope, sigmoid)]);
      const derivative = scope.op("Mul", [sigmoid, scope.op("Add", [slope, scope.float32(1)])]);
      return scope.op("Mul", [grad, derivative]);
    },
  ];
};

/** x · Φ(x) → Φ(x) + x · φ(x), of the normal distribution */
const gelu: Derivative = (scope, x) => {
  const erf = scope.op("Erf", [scope.op("Mul", [x, scope.float32(Math.SQRT1_2)])]);
  const cumulative = scope.op("Mul", [scope.op("Add", [erf, scope.float32(1)]), scope.float32(0.5)]);
  const exponent = scope.op("Mul", [scope.op("Mul", [x, x]), scope.float32(-0.5)]);
  const density = scope.op("Mul", [scope.op("Exp", [exponent]), scope.float32(1 / Math.sqrt(2 * Math.PI))]);
  return scope.op("Add", [cumulative, scope.op("Mul", [x, density])]);
};

/** x/2 · (1 + tanh u), u = √(2/π) · (x + 0.044715 x³) → (1 + t)/2 + x/2 · (1 - t²) · u′ */
const fastGelu: Derivative = (scope, x) => {
  const [inner, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const times = (value: Value, factor: number) => scope.op("Mul", [value, scope.float32(factor)]);
  const square = scope.op("Mul", [x, x]);
  const stretch = scope.op("Add", [times(square, inner * cubic), scope.float32(inner)]);
  const tanh = scope.op("Tanh", [scope.op("Mul", [x, stretch])]);
  const slope = scope.op("Add", [times(square, 3 * inner * cubic), scope.float32(inner)]);
  const rise = scope.op("Mul", [complement(scope, scope.op("Mul", [tanh, tanh])), slope]);
  const sum = scope.op("Add", [tanh, scope.op("Mul", [x, rise])]);
  return times(scope.op("Add", [sum, scope.float32(1)]), 0.5);
};

const sigmoid: Derivative = (scope, _, y) => scope.op("Mul", [y, complement(scope, y)]);

/** Where x is above zero. */
const relu: Rule = ({ scope, inputs: [x], grad }) => [
  () => scope.op("Where", [scope.op("Less", [scope.float32(0), x!]), grad, scope.float32(0)]),
];

const add: Rule = ({ scope, inputs: [a, b], grad }) => [() => sumTo(scope, grad, a!), () => sumTo(scope, grad, b!)];

const mul: Rule = ({ scope, inputs: [a, b], grad }) => [
  () => sumTo(scope, scope.op("Mul", [grad, b!]), a!),
  () => sumTo(scope, scope.op("Mul", [grad, a!]), b!),
];

export const elementwise = {
  Add: add,
  Exp: pointwise((_, __, y) => y),
  FastGelu: pointwise(fastGelu),
  Gelu: pointwise(gelu),
  Mul: mul,
  Neg: ({ scope, grad }) => [() => scope.op("Neg", [grad])],
  QuickGelu: quickGelu,
  Relu: relu,
  Sigmoid: pointwise(sigmoid),
  Softplus: pointwise((scope, x) => scope.op("Sigmoid", [x])),
  Tanh: pointwise((scope, _, y) => complement(scope, scope.op("Mul", [y, y]))),
} satisfies Record<string, Rule>;
