/**
 * The decoder of language models: pre-norm layers of rotary grouped-query attention over a cache, or of a gated delta net over
 * its state, and a SwiGLU.
 *
 *   x ─ input_layernorm ─ attention ─ + x ─ post_attention_layernorm ─ mlp ─ + ─ (+ deepstack) ─→
 *
 * What families differ in is in `DecoderVariant`; names inside a layer are those that transformers gives its decoders.
 */
import type { GraphBuilder, Scope, StateSpec, Value } from "../graph/index.js";
import { type CacheInputs, cachedAttention, type Rotary, rotate } from "./attention.js";
import { fusedLinear, linear, multiply } from "./linear.js";
import { type DeltaNetSizes, deltaStateShapes, gatedDeltaNet } from "./linear-attention.js";
import { mlp } from "./mlp.js";
import { headNorm, rmsNorm } from "./norm.js";

/** Sizes as the reference's configs spell them. */
export interface DecoderSizes {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
}

export interface DecoderVariant {
  /** Path of the module that holds `layers` and `norm`. */
  readonly model: string;
  /** The matrix of the output head, without ".weight"; the embedding's where they are tied. */
  readonly head: string;
  /** The products of the feed-forward half. Default: gate_proj, up_proj, down_proj. */
  readonly mlpNames?: { readonly gate: string; readonly up: string; readonly down: string };
  /** RMSNorm over each head of q and k, before the rotation. */
  readonly qkNorm: boolean;
  /** Of q, k, v and the output product, or of q, k and v alone; of the feed-forward products. */
  readonly bias: { readonly attention: boolean | "qkv"; readonly mlp: boolean };
  /** Layers, from the first, to whose outputs visual features are added. Default 0. */
  readonly numDeepstack?: number;
  /** The weights of all these norms are stored less one. Default false. */
  readonly offsetNorms?: boolean;
  /** q_proj gives each head its queries and as many columns again, whose sigmoid scales what the head has read. Default false. */
  readonly outputGate?: boolean;
  /** Columns of a head that turn, from the first on. Default all. */
  readonly rotaryDim?: number;
  /** Absent: attention in every layer. */
  readonly linear?: LinearLayers | undefined;
}

/** Layers that are gated delta nets, and their sizes. */
export interface LinearLayers {
  readonly isLinear: readonly boolean[];
  readonly net: DeltaNetSizes;
}

/** What all layers of one build share. */
interface Decoder {
  readonly builder: GraphBuilder;
  readonly sizes: DecoderSizes;
  readonly variant: DecoderVariant;
  readonly rotary: Rotary;
  readonly cache: CacheInputs;
}

/**
 * inputs_embeds [batch, sequence, H], for the first `numDeepstack` layers deepstack.N [batch, sequence, H] (zero off the
 * images), and per layer past keys and values [batch, kv_heads, capacity, head_dim], or past states (past_state.N.*)
 * → logits [num_logits, vocab_size] of the rows named by logits_rows, the keys and values of these
 * tokens (added.N.*) and of all so far (present.N.*): a cache asks for the ones that its device hands out without copying;
 * and the states after these tokens (next_state.N.*). A row of padding would be read into a state: there must be none.
 */
export function buildDecoder(builder: GraphBuilder, sizes: DecoderSizes, variant: DecoderVariant): void {
  const { hidden_size: D, head_dim: headDim, rms_norm_eps: eps, vocab_size: vocabSize } = sizes;
  const embedded = ["batch", "sequence", D];
  let x = builder.input("inputs_embeds", "f32", embedded);
  const half = (variant.rotaryDim ?? headDim) / 2;
  const rotary: Rotary = {
    cos: builder.input("cos", "f32", ["tokens", half]),
    sin: builder.input("sin", "f32", ["tokens", half]),
    positionIds: builder.input("position_ids", "i64", ["batch", "sequence"]),
  };
  const cache: CacheInputs = {
    seqlensK: builder.input("seqlens_k", "i32", ["batch"]),
    totalSequenceLength: builder.input("total_sequence_length", "i32", []),
  };
  // Rows of [batch·sequence] whose next token is wanted: only they meet the vocabulary.
  const logitsRows = builder.input("logits_rows", "i64", ["num_logits"]);
  const decoder: Decoder = { builder, sizes, variant, rotary, cache };

  const model = builder.root.at(variant.model);
  for (let n = 0; n < sizes.num_hidden_layers; n++) {
    const scope = model.at("layers").at(n);
    x = decoderLayer(scope, n, x, decoder);
    if (n < (variant.numDeepstack ?? 0)) x = scope.op("Add", [x, builder.input(`deepstack.${n}`, "f32", embedded)]);
  }
  const rows = model.op("Gather", [model.reshape(x, [-1, D]), logitsRows]);
  const last = rmsNorm(model, "norm", rows, eps, variant.offsetNorms);
  const matrix = builder.root.matrix([variant.head], [vocabSize], D);
  builder.output("logits", multiply(builder.root.at(variant.head), last, matrix));
}

/** What each layer keeps of a sequence. */
export function decoderStates(sizes: DecoderSizes, linear?: LinearLayers): StateSpec[] {
  const { num_key_value_heads: kvHeads, head_dim: headDim } = sizes;
  return Array.from({ length: sizes.num_hidden_layers }, (_, n) =>
    linear?.isLinear[n]
      ? { kind: "recurrent", shapes: deltaStateShapes(linear.net) }
      : { kind: "kv", kvHeads, headDim },
  );
}

function decoderLayer(scope: Scope, n: number, x: Value, decoder: Decoder): Value {
  const { rms_norm_eps: eps, hidden_size: D, intermediate_size: width } = decoder.sizes;
  const { mlpNames = { gate: "gate_proj", up: "up_proj", down: "down_proj" }, bias, offsetNorms } = decoder.variant;
  const normed = rmsNorm(scope, "input_layernorm", x, eps, offsetNorms);
  const mixed = decoder.variant.linear?.isLinear[n]
    ? linearAttention(scope.at("linear_attn"), n, normed, decoder)
    : selfAttention(scope.at("self_attn"), n, normed, decoder);
  const afterAttention = scope.op("Add", [x, mixed]);
  const normedAgain = rmsNorm(scope, "post_attention_layernorm", afterAttention, eps, offsetNorms);
  const half = { ...mlpNames, activation: "silu", width, bias: bias.mlp } as const;
  return scope.op("Add", [afterAttention, mlp(scope.at("mlp"), normedAgain, D, half)]);
}

/** q and k are normalised per head, if at all, then rotated; the cache holds k after both. */
function selfAttention(scope: Scope, n: number, x: Value, { builder, sizes, variant, ...step }: Decoder): Value {
  const { head_dim: headDim, num_key_value_heads: kvHeads } = sizes;
  const { attention } = variant.bias;
  const [qSize, kvSize] = [sizes.num_attention_heads * headDim, kvHeads * headDim];
  const columns = [variant.outputGate ? 2 * qSize : qSize, kvSize, kvSize];
  const [queries, k, v] = fusedLinear(scope, ["q_proj", "k_proj", "v_proj"], x, columns, {
    bias: attention !== false,
  });
  const [q, gate] = variant.outputGate ? withGate(scope, queries!, qSize, headDim) : [queries!];
  const turned = (name: string, value: Value) => {
    const { qkNorm, offsetNorms } = variant;
    const heads = qkNorm ? headNorm(scope, name, value, headDim, sizes.rms_norm_eps, offsetNorms) : value;
    return rotate(scope, heads, step.rotary, headDim);
  };
  const [turnedQ, turnedK] = [turned("q_norm", q), turned("k_norm", k!)];
  const past = (part: string) =>
    builder.input(`past_key_values.${n}.${part}`, "f32", ["batch", kvHeads, "capacity", headDim]);
  const pasts = [past("key"), past("value")] as const;
  const attended = cachedAttention(scope, [turnedQ, turnedK, v!], pasts, step.cache, headDim);
  builder.output(`present.${n}.key`, attended.presentKey);
  builder.output(`present.${n}.value`, attended.presentValue);
  builder.output(`added.${n}.key`, turnedK);
  builder.output(`added.${n}.value`, v!);
  const read = gate ? scope.op("Mul", [attended.output, scope.op("Sigmoid", [gate])]) : attended.output;
  return linear(scope, "o_proj", read, sizes.hidden_size, { bias: attention === true });
}

/** [B, S, heads·(head_dim + head_dim)] → queries and gate, [B, S, heads·head_dim] each. */
function withGate(scope: Scope, x: Value, qSize: number, headDim: number): [q: Value, gate: Value] {
  const heads = scope.reshape(x, [0, 0, qSize / headDim, 2 * headDim]);
  const [q, gate] = scope.split(heads, [headDim, headDim]);
  return [scope.reshape(q!, [0, 0, qSize]), scope.reshape(gate!, [0, 0, qSize])];
}

function linearAttention(scope: Scope, n: number, x: Value, { builder, sizes, variant }: Decoder): Value {
  const { net } = variant.linear!;
  const [conv, recurrent] = deltaStateShapes(net).map((shape, i) =>
    builder.input(`past_state.${n}.${i}`, "f32", ["batch", ...shape]),
  );
  const past = { conv: conv!, recurrent: recurrent! };
  const { output, present } = gatedDeltaNet(scope, x, past, { ...net, epsilon: sizes.rms_norm_eps });
  builder.output(`next_state.${n}.0`, present.conv);
  builder.output(`next_state.${n}.1`, present.recurrent);
  return output;
}
