/** What carries a vision encoder's rows over to a decoder: fewer rows, of the decoder's width. */
import type { Scope, Value } from "../graph/index.js";
import { fullAttention } from "./attention.js";
import { lastSize, linear } from "./linear.js";
import { type Activation, mlp } from "./mlp.js";
import { layerNorm, rmsNorm } from "./norm.js";

export interface PatchMerger {
  /** Paths of the norm and the two products. Default: norm, linear_fc1, linear_fc2. */
  readonly names?: { readonly norm: string; readonly up: string; readonly down: string };
  /** LayerNorm unless it says otherwise. */
  readonly kind?: "rms";
  /** Neighbouring rows that become one. */
  readonly numMerged: number;
  /** Each row by itself, or the merged ones. */
  readonly norm: "before" | "after";
  readonly epsilon: number;
  /** Columns of the result. */
  readonly outFeatures: number;
}

const mergerNames = { norm: "norm", up: "linear_fc1", down: "linear_fc2" };

/** Norm, product, erf GELU, product. x [.., D] → [rows / numMerged, outFeatures] [Qwen-VL's merger] */
export function patchMerger(scope: Scope, x: Value, merger: PatchMerger): Value {
  const { numMerged, names = mergerNames, epsilon, outFeatures } = merger;
  const width = numMerged * lastSize(x);
  const merge = (value: Value) => scope.reshape(value, [-1, width]);
  const normalise = (value: Value) => (merger.kind === "rms" ? rmsNorm : layerNorm)(scope, names.norm, value, epsilon);
  const rows = merger.norm === "before" ? merge(normalise(x)) : normalise(merge(x));
  const { up, down } = names;
  return mlp(scope, rows, outFeatures, { up, down, activation: "gelu", bias: true, width });
}

/** Blocks of scale × scale neighbouring rows of a square side by side in columns: x [batch, side², D] → [batch, (side / scale)², scale² · D]. */
export function pixelShuffle(scope: Scope, x: Value, scale: number): Value {
  const [rows, D] = [x.shape[1] as number, lastSize(x)];
  const blocks = Math.sqrt(rows) / scale;
  const split = scope.reshape(x, [-1, blocks, scale, blocks, scale * D]);
  const gathered = scope.op("Transpose", [split], { perm: [0, 1, 3, 2, 4] });
  return scope.reshape(gathered, [-1, blocks * blocks, scale * scale * D]);
}

export interface PerceiverResampler {
  readonly numQueries: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Of the feed-forward half. */
  readonly width: number;
  readonly epsilon: number;
}

/** A fixed number of learned queries look at all rows, layer by layer. features [batch, rows, D] → [batch, numQueries, D] [Flamingo, Alayrac 2022] */
export function perceiverResampler(scope: Scope, features: Value, resampler: PerceiverResampler): Value {
  const { numQueries, numLayers, epsilon } = resampler;
  let latents = repeated(scope, scope.weight("query", [numQueries, lastSize(features)]), features);
  for (let n = 0; n < numLayers; n++) latents = perceiverLayer(scope.at("layers").at(n), features, latents, resampler);
  return layerNorm(scope, "norm", latents, epsilon);
}

/** Learned rows [count, D], once for each image of the batch of `features` → [batch, count, D] */
export function repeated(scope: Scope, query: Value, features: Value): Value {
  const batch = scope.op("Shape", [features], { start: 0, end: 1 });
  const shape = scope.op("Concat", [batch, scope.int64(query.shape as number[])], { axis: 0 });
  return scope.op("Expand", [query, shape]);
}

/**
 *  latents ─ norm_queries ─┬─ to_q ─────────────┐
 *                          ├─ concat ─ to_kv ── attention ─ to_out ─ + latents ─ norm_ffn ─ ffn ─ + ─→
 *  features ─ norm_features┘  (features first)
 * Features are never updated; each layer normalises them by weights of its own. The ffn uses the erf GELU and no biases.
 */
function perceiverLayer(
  scope: Scope,
  features: Value,
  latents: Value,
  { numHeads, width, epsilon }: PerceiverResampler,
): Value {
  const D = lastSize(latents);
  const cross = scope.at("cross_attn");
  const queries = layerNorm(scope, "norm_queries", latents, epsilon);
  const context = cross.op("Concat", [layerNorm(scope, "norm_features", features, epsilon), queries], { axis: 1 });
  const [k, v] = cross.split(linear(cross, "to_kv", context, 2 * D), [D, D]);
  const mixed = fullAttention(cross, linear(cross, "to_q", queries, D), k!, v!, numHeads);
  const afterAttention = scope.op("Add", [latents, linear(cross, "to_out", mixed, D)]);
  const normed = layerNorm(scope, "norm_ffn", afterAttention, epsilon);
  const ffn = mlp(scope.at("ffn"), normed, D, { up: "fc1", down: "fc2", activation: "gelu", width, bias: false });
  return scope.op("Add", [afterAttention, ffn]);
}

export interface GroupedResampler {
  readonly numQueries: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly epsilon: number;
}

/**
 * As `perceiverResampler`, with RMSNorms, gated feed-forward halves of four times the width, and several heads of queries for
 * each of keys. features [batch, rows, D] → [batch, numQueries, D] [Idefics2]
 */
export function groupedResampler(scope: Scope, features: Value, resampler: GroupedResampler): Value {
  const { numQueries, numLayers, epsilon } = resampler;
  let latents = repeated(scope, scope.weight("latents", [numQueries, lastSize(features)]), features);
  for (let n = 0; n < numLayers; n++) latents = groupedLayer(scope.at("layers").at(n), features, latents, resampler);
  return rmsNorm(scope, "norm", latents, epsilon);
}

function groupedLayer(scope: Scope, features: Value, latents: Value, resampler: GroupedResampler): Value {
  const { numHeads, numKvHeads, headDim, epsilon } = resampler;
  const D = lastSize(latents);
  const attention = scope.at("self_attn");
  const queries = rmsNorm(scope, "input_latents_norm", latents, epsilon);
  const context = scope.op("Concat", [rmsNorm(scope, "input_context_norm", features, epsilon), queries], { axis: 1 });
  const [k, v] = ["k_proj", "v_proj"].map((name) =>
    shared(attention, linear(attention, name, context, numKvHeads * headDim), numHeads, headDim),
  );
  const mixed = fullAttention(attention, linear(attention, "q_proj", queries, numHeads * headDim), k!, v!, numHeads);
  const afterAttention = scope.op("Add", [latents, linear(attention, "o_proj", mixed, D)]);
  const normed = rmsNorm(scope, "post_attention_layernorm", afterAttention, epsilon);
  const names = { gate: "gate_proj", up: "up_proj", down: "down_proj" };
  const half = mlp(scope.at("mlp"), normed, D, { ...names, activation: "silu", width: 4 * D, bias: false });
  return scope.op("Add", [afterAttention, half]);
}

/** Keys or values of few heads, each once for every head of queries that reads it. */
function shared(scope: Scope, x: Value, numHeads: number, headDim: number): Value {
  const kvHeads = lastSize(x) / headDim;
  const readers = Array.from({ length: numHeads }, (_, head) => Math.floor((head * kvHeads) / numHeads));
  const heads = scope.reshape(x, [0, 0, kvHeads, headDim]);
  return scope.reshape(scope.op("Gather", [heads, scope.int64(readers)], { axis: 2 }), [0, 0, numHeads * headDim]);
}

export interface QueryResampler {
  readonly numQueries: number;
  readonly numHeads: number;
  /** Columns of the result, and of the attention. */
  readonly width: number;
  readonly epsilon: number;
}

/**
 * Learned queries look once at all rows, whose places are added to the keys and not to the values; no feed-forward half.
 * features [batch, rows, D], places [rows, width] → [batch, numQueries, width]; `proj` is stored as x · proj takes it.
 * [MiniCPM-V's resampler]
 */
export function queryResampler(
  scope: Scope,
  features: Value,
  places: Value,
  { numQueries, numHeads, width, epsilon }: QueryResampler,
): Value {
  const own = lastSize(features) === width ? features : linear(scope, "kv_proj", features, width);
  const values = layerNorm(scope, "ln_kv", own, epsilon);
  const query = layerNorm(scope, "ln_q", scope.weight("query", [numQueries, width]), epsilon);
  const queries = repeated(scope, query, features);
  const keys = scope.op("Add", [values, places]);
  const looked = packedAttention(scope.at("attn"), [queries, keys, values], numHeads);
  const normed = layerNorm(scope, "ln_post", looked, epsilon);
  return scope.op("FusedMatMul", [normed, scope.weight("proj", [width, width])]);
}

/** PyTorch's MultiheadAttention: one matrix has the rows of q, k and v, each [batch, .., D] of it → [batch, queries, D]. */
function packedAttention(scope: Scope, inputs: readonly [q: Value, k: Value, v: Value], numHeads: number): Value {
  const D = lastSize(inputs[0]);
  const parts = scope.int64([D, D, D]);
  const weights = scope.ops("Split", [scope.weight("in_proj_weight", [3 * D, D]), parts], { axis: 0 });
  const biases = scope.ops("Split", [scope.weight("in_proj_bias", [3 * D]), parts], { axis: 0 });
  const [q, k, v] = inputs.map((rows, n) =>
    scope.op("Add", [scope.op("FusedMatMul", [rows, weights[n]], { transB: 1 }), biases[n]]),
  );
  return linear(scope, "out_proj", fullAttention(scope, q!, k!, v!, numHeads), D, { bias: true });
}

export interface AttentionPooling {
  readonly numHeads: number;
  readonly epsilon: number;
  /** Of the feed-forward half. */
  readonly activation: Activation;
  readonly width: number;
}

/**
 * One learned query attends to all rows; then a feed-forward half.
 * x [1, sequence, D] → [1, D] [SigLIP's head; Lee et al. 2019]
 */
export function attentionPooling(
  scope: Scope,
  x: Value,
  { numHeads, epsilon, activation, width }: AttentionPooling,
): Value {
  const D = lastSize(x);
  const probe = scope.weight("probe", [1, 1, D]);
  const pooled = packedAttention(scope.at("attention"), [probe, x, x], numHeads);
  const normed = layerNorm(scope, "layernorm", pooled, epsilon);
  const half = mlp(scope.at("mlp"), normed, D, { up: "fc1", down: "fc2", activation, width, bias: true });
  return scope.reshape(scope.op("Add", [pooled, half]), [1, D]);
}
