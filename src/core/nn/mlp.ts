/** The feed-forward half of a transformer block, plain and gated, with the activations that checkpoints name. */
import type { Scope, Value } from "../graph/index.js";
import { linear } from "./linear.js";

/** As transformers' ACT2FN spells them: "gelu" is the exact one (erf), "gelu_pytorch_tanh" its tanh approximation. */
export type Activation = "gelu" | "gelu_pytorch_tanh" | "quick_gelu" | "relu" | "silu";

export function activate(scope: Scope, x: Value, activation: Activation): Value {
  switch (activation) {
    case "gelu":
      return scope.op("Gelu", [x]);
    case "gelu_pytorch_tanh":
      return scope.op("FastGelu", [x]);
    case "quick_gelu":
      return scope.op("QuickGelu", [x], { alpha: { float: 1.702 } }); // x · sigmoid(1.702·x)
    case "relu":
      return scope.op("Relu", [x]);
    case "silu":
      return scope.op("QuickGelu", [x], { alpha: { float: 1 } }); // x · sigmoid(x)
    default:
      return activation satisfies never;
  }
}

/** The products of a feed-forward half, by their paths from the scope. */
export interface Mlp {
  /** With a gate: down(activation(gate x) · up x). Without: down(activation(up x)). */
  readonly gate?: string;
  readonly up: string;
  readonly down: string;
  readonly activation: Activation;
  /** Columns between the products. */
  readonly width: number;
  readonly bias: boolean;
}

/** x [.., outFeatures of the product before] → [.., outFeatures] */
export function mlp(
  scope: Scope,
  x: Value,
  outFeatures: number,
  { gate, up, down, activation, width, bias }: Mlp,
): Value {
  const first = activate(scope, linear(scope, gate ?? up, x, width, { bias }), activation);
  const wide = gate === undefined ? first : scope.op("Mul", [first, linear(scope, up, x, width, { bias })]);
  return linear(scope, down, wide, outFeatures, { bias });
}
