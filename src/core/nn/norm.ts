/** Normalisation over the last axis. */
import type { Scope, Value } from "../graph/index.js";
import { lastSize } from "./linear.js";

/** LayerNorm with `name.weight` and `name.bias` [D]. */
export function layerNorm(scope: Scope, name: string, x: Value, epsilon: number): Value {
  const own = scope.at(name);
  const size = [lastSize(x)];
  return own.op("LayerNormalization", [x, own.weight("weight", size), own.weight("bias", size)], {
    axis: -1,
    epsilon: { float: epsilon },
  });
}

/** RMSNorm, x · rsqrt(mean(x²) + ε) · weight, with `name.weight` [D]; offset: the weight is stored less one. */
export function rmsNorm(scope: Scope, name: string, x: Value, epsilon: number, offset = false): Value {
  const own = scope.at(name);
  const stored = own.weight("weight", [lastSize(x)]);
  const weight = offset ? own.op("Add", [stored, own.float32(1)]) : stored;
  return own.op("SimplifiedLayerNormalization", [x, weight], { axis: -1, epsilon: { float: epsilon } });
}

/** RMSNorm of every head by itself: x [B, S, heads·head_dim], `name.weight` [head_dim] shared by the heads. */
export function headNorm(
  scope: Scope,
  name: string,
  x: Value,
  headDim: number,
  epsilon: number,
  offset = false,
): Value {
  const own = scope.at(name);
  const heads = own.reshape(x, [0, 0, lastSize(x) / headDim, headDim]);
  return own.reshape(rmsNorm(scope, name, heads, epsilon, offset), [0, 0, lastSize(x)]);
}
