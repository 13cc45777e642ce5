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

/** RMSNorm, x · rsqrt(mean(x²) + ε) · weight, with `name.weight` [D], not offset by one. */
export function rmsNorm(scope: Scope, name: string, x: Value, epsilon: number): Value {
  const own = scope.at(name);
  return own.op("SimplifiedLayerNormalization", [x, own.weight("weight", [lastSize(x)])], {
    axis: -1,
    epsilon: { float: epsilon },
  });
}

/** RMSNorm of every head by itself: x [B, S, heads·head_dim], `name.weight` [head_dim] shared by the heads. */
export function headNorm(scope: Scope, name: string, x: Value, headDim: number, epsilon: number): Value {
  const own = scope.at(name);
  const heads = own.reshape(x, [0, 0, lastSize(x) / headDim, headDim]);
  return own.reshape(rmsNorm(scope, name, heads, epsilon), [0, 0, lastSize(x)]);
}
