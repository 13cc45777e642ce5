/**
 * Gated DeltaNet: attention whose memory is one matrix a head instead of all keys and values. Each token fades the matrix,
 * then writes the difference between its value and what its key finds there.
 *
 *   x ─ in_proj_qkv ─ causal convolution, SiLU ─ q, k (length 1), v ─ delta rule ─ norm · SiLU(in_proj_z x) ─ out_proj ─→
 *
 * [Yang et al. 2024; transformers modeling_qwen3_5.py]
 */
import type { Scope, Value } from "../graph/index.js";
import { exactLinear, lastSize, linear } from "./linear.js";
import { activate } from "./mlp.js";
import { headNorm } from "./norm.js";

export interface DeltaNetSizes {
  readonly keyHeads: number;
  /** A multiple of `keyHeads`: neighbouring ones share a key head. */
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Tokens that the convolution sees. */
  readonly kernel: number;
}

export interface GatedDeltaNet extends DeltaNetSizes {
  readonly epsilon: number;
}

/** Of one sequence: the convolution's last inputs, and the matrices. */
export function deltaStateShapes({ keyHeads, valueHeads, keyDim, valueDim, kernel }: DeltaNetSizes) {
  const channels = 2 * keyHeads * keyDim + valueHeads * valueDim;
  return [[channels, kernel - 1] as const, [valueHeads, keyDim, valueDim] as const];
}

/** Both states of a sequence: the convolution's last inputs [B, channels, kernel - 1] and the matrices [B, valueHeads, keyDim, valueDim]. */
export interface DeltaState {
  readonly conv: Value;
  readonly recurrent: Value;
}

/** x [B, S, D] → the same, and the states after these tokens. */
export function gatedDeltaNet(
  scope: Scope,
  x: Value,
  past: DeltaState,
  net: GatedDeltaNet,
): { readonly output: Value; readonly present: DeltaState } {
  const { keyHeads, valueHeads, keyDim, valueDim, epsilon } = net;
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const { mixed, state: conv } = causalConvolution(
    scope,
    linear(scope, "in_proj_qkv", x, 2 * keys + values),
    past.conv,
    net,
  );
  const z = linear(scope, "in_proj_z", x, values);
  const [q, k, v] = scope.split(mixed, [keys, keys, values]);
  const inputs = [
    unitHeads(scope, q!, keyDim),
    unitHeads(scope, k!, keyDim),
    v,
    past.recurrent,
    ...gates(scope, x, valueHeads),
  ];
  const [read, recurrent] = scope.ops("LinearAttention", inputs, {
    q_num_heads: keyHeads,
    kv_num_heads: valueHeads,
    update_rule: "gated_delta", // divides by the root of keyDim itself
  });
  const gated = scope.op("Mul", [headNorm(scope, "norm", read!, valueDim, epsilon), activate(scope, z, "silu")]);
  return { output: linear(scope, "out_proj", gated, lastSize(x)), present: { conv, recurrent: recurrent! } };
}

/** Each channel by itself, over the tokens so far; SiLU behind it. */
function causalConvolution(scope: Scope, x: Value, past: Value, { kernel }: GatedDeltaNet) {
  const own = scope.at("conv1d");
  const channelsFirst = own.op("Transpose", [x], { perm: [0, 2, 1] });
  const inputs = [channelsFirst, own.weight("weight", [lastSize(x), 1, kernel]), undefined, past];
  const [y, state] = own.ops("CausalConvWithState", inputs, { activation: "silu" });
  return { mixed: own.op("Transpose", [y!], { perm: [0, 2, 1] }), state: state! };
}

/**
 * The logarithm of how much of the memory stays, and how much is written; [B, S, valueHeads] each. The products are narrow and
 * their errors add up over all tokens to come, so they stay in float32.
 */
function gates(scope: Scope, x: Value, valueHeads: number): [decay: Value, beta: Value] {
  const beta = scope.op("Sigmoid", [exactLinear(scope, "in_proj_b", x, valueHeads)]);
  const step = scope.op("Add", [exactLinear(scope, "in_proj_a", x, valueHeads), scope.weight("dt_bias", [valueHeads])]);
  const rate = scope.op("Neg", [scope.op("Exp", [scope.weight("A_log", [valueHeads])])]);
  return [scope.op("Mul", [softplus(scope, step), rate]), beta];
}

/** Values that one instruction takes, at most: 16 of float32. */
const vector = 16;

/**
 * ONNX Runtime's Softplus takes whole vectors by one formula and what is left behind them by another, so the last bit of a row
 * would depend on how many rows there are. Rows are repeated until they are whole vectors; those of 16, 32 or 48 are.
 */
function softplus(scope: Scope, x: Value): Value {
  const width = lastSize(x);
  let copies = 1;
  while ((copies * width) % vector !== 0) copies *= 2;
  if (copies === 1) return scope.op("Softplus", [x]);
  const repeated = scope.op("Concat", new Array<Value>(copies).fill(x), { axis: x.shape.length - 1 });
  return scope.split(scope.op("Softplus", [repeated]), [width, (copies - 1) * width])[0]!;
}

/** x · rsqrt(Σ x² + 1e-6) of each head: an RMSNorm with the weight 1/√dim and the epsilon 1e-6 / dim. */
function unitHeads(scope: Scope, x: Value, dim: number): Value {
  const weight = scope.op("Expand", [scope.float32(1 / Math.sqrt(dim)), scope.int64([dim])]);
  const heads = scope.reshape(x, [0, 0, lastSize(x) / dim, dim]);
  const epsilon = { float: 1e-6 / dim };
  const unit = scope.op("SimplifiedLayerNormalization", [heads, weight], { axis: -1, epsilon });
  return scope.reshape(unit, [0, 0, lastSize(x)]);
}
