/**
 * qwen3: the Qwen3 decoder, a family of its own (text only) and the half of several others that writes: pre-norm layers, per-head RMSNorm on q and k before the rotation,
 * grouped-query attention over a cache, SwiGLU; biases in attention alone, and only if the config says so. [Qwen3 technical report, 2025; transformers modeling_qwen3.py]
 *
 *   x ─ input_layernorm ─ attention ─ + x ─ post_attention_layernorm ─ mlp ─ + ─ (+ deepstack) ─→
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { indexPositions, type ModelFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { ropeAngles, ropeFields, ropeOf } from "./rope.js";

export const eosSchema = z.union([tokenId, z.array(tokenId).min(1).max(16)]).nullish();

/** The decoder's part of a config, whatever the class; sizes have no defaults here. */
export const decoderFields = {
  ...commonFields,
  ...quantizationFields,
  ...ropeFields("default"),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  rms_norm_eps: epsilon.default(1e-6),
  hidden_act: z.literal("silu").default("silu"),
  attention_bias: z.boolean().default(false),
  eos_token_id: eosSchema,
  use_sliding_window: only(false),
  ...irrelevant("sliding_window", "max_window_layers"), // of use_sliding_window
  layer_types: z.array(z.enum(["full_attention", "attention"])).nullish(),
  ...irrelevant("attention_dropout"), // training
};

/** What a missing size means to Qwen3Config and to Qwen3VLTextConfig. */
export const referenceSizes = {
  vocab_size: size.default(151_936),
  hidden_size: size.default(4096),
  intermediate_size: size.default(22_016),
  num_hidden_layers: layers.default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.default(32),
  head_dim: size.default(128),
};

export type Qwen3Config = Readonly<
  Record<keyof typeof referenceSizes | "rms_norm_eps" | "max_position_embeddings", number> & { attention_bias: boolean }
>;

/** Where a family keeps the decoder, and how it spells the feed-forward products. */
export interface Qwen3Spelling {
  readonly model: string;
  /** The matrix of the output head, without ".weight". */
  readonly head: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

interface StepInputs {
  readonly rotary: nn.Rotary;
  readonly cache: nn.CacheInputs;
}

/**
 * inputs_embeds [batch, sequence, H], for the first `numDeepstack` layers deepstack.N [batch, sequence, H] (zero off the
 * pictures), and per layer past keys and values [batch, kv_heads, capacity, head_dim]
 * → logits [num_logits, vocab_size] of the rows named by logits_rows, the keys and values of these
 * tokens (added.N.*) and of all so far (present.N.*): a cache asks for the ones that its device hands out without copying.
 */
export function buildQwen3(
  builder: GraphBuilder,
  config: Qwen3Config,
  spelling: Qwen3Spelling,
  numDeepstack = 0,
): void {
  const half = config.head_dim / 2;
  const embedded = ["batch", "sequence", config.hidden_size];
  let x = builder.input("inputs_embeds", "f32", embedded);
  const step: StepInputs = {
    rotary: {
      cos: builder.input("cos", "f32", ["tokens", half]),
      sin: builder.input("sin", "f32", ["tokens", half]),
      positionIds: builder.input("position_ids", "i64", ["batch", "sequence"]),
    },
    cache: {
      seqlensK: builder.input("seqlens_k", "i32", ["batch"]),
      totalSequenceLength: builder.input("total_sequence_length", "i32", []),
    },
  };
  // Rows of [batch·sequence] whose next token is wanted: only they meet the vocabulary.
  const logitsRows = builder.input("logits_rows", "i64", ["num_logits"]);

  const model = builder.root.at(spelling.model);
  for (let n = 0; n < config.num_hidden_layers; n++) {
    const layer = model.at("layers").at(n);
    x = decoderLayer(builder, layer, n, x, step, config, spelling);
    if (n < numDeepstack) x = layer.op("Add", [x, builder.input(`deepstack.${n}`, "f32", embedded)]);
  }
  const rows = model.op("Gather", [model.reshape(x, [-1, config.hidden_size]), logitsRows]);
  const last = nn.rmsNorm(model, "norm", rows, config.rms_norm_eps);
  const matrix = builder.root.matrix([spelling.head], [config.vocab_size], config.hidden_size);
  builder.output("logits", nn.multiply(builder.root.at(spelling.head), last, matrix));
}

function decoderLayer(
  builder: GraphBuilder,
  scope: Scope,
  n: number,
  x: Value,
  step: StepInputs,
  config: Qwen3Config,
  spelling: Qwen3Spelling,
): Value {
  const normed = nn.rmsNorm(scope, "input_layernorm", x, config.rms_norm_eps);
  const afterAttention = scope.op("Add", [x, selfAttention(builder, scope.at("self_attn"), n, normed, step, config)]);
  const normedAgain = nn.rmsNorm(scope, "post_attention_layernorm", afterAttention, config.rms_norm_eps);
  return scope.op("Add", [afterAttention, mlp(scope.at("mlp"), normedAgain, config, spelling)]);
}

/** q and k are normalised per head, then rotated; the cache holds k after both. */
function selfAttention(
  builder: GraphBuilder,
  scope: Scope,
  n: number,
  x: Value,
  step: StepInputs,
  config: Qwen3Config,
): Value {
  const { head_dim: headDim, rms_norm_eps: eps, num_key_value_heads: kvHeads, attention_bias: bias } = config;
  const [qSize, kvSize] = [config.num_attention_heads * headDim, kvHeads * headDim];
  const [q, k, v] = nn.fusedLinear(scope, ["q_proj", "k_proj", "v_proj"], x, [qSize, kvSize, kvSize], { bias });
  const rotatedQ = nn.rotate(scope, nn.headNorm(scope, "q_norm", q!, headDim, eps), step.rotary);
  const rotatedK = nn.rotate(scope, nn.headNorm(scope, "k_norm", k!, headDim, eps), step.rotary);

  const past = (part: string) =>
    builder.input(`past_key_values.${n}.${part}`, "f32", ["batch", kvHeads, "capacity", headDim]);
  const attended = nn.cachedAttention(
    scope,
    [rotatedQ, rotatedK, v!],
    [past("key"), past("value")],
    step.cache,
    headDim,
  );
  builder.output(`present.${n}.key`, attended.presentKey);
  builder.output(`present.${n}.value`, attended.presentValue);
  builder.output(`added.${n}.key`, rotatedK);
  builder.output(`added.${n}.value`, v!);
  return nn.linear(scope, "o_proj", attended.output, config.hidden_size, { bias });
}

/** SwiGLU: down(silu(gate x) · up x) */
function mlp(scope: Scope, x: Value, config: Qwen3Config, { gate, up, down }: Qwen3Spelling): Value {
  const { intermediate_size: wide } = config;
  const silu = scope.op("QuickGelu", [nn.linear(scope, gate, x, wide)], { alpha: { float: 1 } }); // x · sigmoid(1·x)
  return nn.linear(scope, down, scope.op("Mul", [silu, nn.linear(scope, up, x, wide)]), config.hidden_size);
}

// ---------------------------------------------------------------------------------------------------------- family

/** <|endoftext|> and <|im_end|> of the Qwen vocabulary, for configs that leave them to generation_config.json. */
const usualEos = [151645, 151643];

/** What a decoder's config says of ends, as a list. */
export function eosTokenIds(eos: z.infer<typeof eosSchema>): readonly number[] {
  return eos === undefined || eos === null ? usualEos : typeof eos === "number" ? [eos] : eos;
}

/** The numbers of `ModelFamily` that follow from the decoder alone. */
export function decoderDimensions(config: Qwen3Config, eos: z.infer<typeof eosSchema>) {
  const { hidden_size: hiddenSize, vocab_size: vocabSize, max_position_embeddings: maxLength } = config;
  return { hiddenSize, vocabSize, maxLength, eosTokenIds: eosTokenIds(eos) };
}

/** `where` is how config.json names the decoder's part. */
export function decoderRules(config: Qwen3Config, where = ""): SizeRule[] {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  return [
    [heads % kvHeads === 0, `${where}num_attention_heads must be a multiple of num_key_value_heads`],
    [headDim % 8 === 0, `${where}head_dim must be a multiple of 8`], // GroupQueryAttention's rule
  ];
}

export function decoderCache(config: Qwen3Config) {
  const { num_hidden_layers: numLayers, num_key_value_heads: numKeyValueHeads, head_dim: headDim } = config;
  return { numLayers, numKeyValueHeads, headDim };
}

const configSchema = z.object({
  ...decoderFields,
  ...referenceSizes,
  max_position_embeddings: size.default(32_768),
  tie_word_embeddings: z.boolean().default(false),
});

type Config = z.infer<typeof configSchema>;

export const qwen3: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3",
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(decoderRules(config));
    return config;
  },
  dimensions: (config) => decoderDimensions(config, config.eos_token_id),
  cache: decoderCache,
  canonicalName: spelling(decoderRoots("model")),
  parts: partsOf(["model.embed_tokens.", "embedding"], ["lm_head.", "head"], ["", "decoder"]),
  embedTokens: "model.embed_tokens.weight",
  graphs: (config) => ({
    decoder: (builder) =>
      buildQwen3(builder, config, {
        model: "model",
        head: config.tie_word_embeddings ? "model.embed_tokens" : "lm_head",
        gate: "gate_proj",
        up: "up_proj",
        down: "down_proj",
      }),
  }),
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: (config, { start, count }) =>
    ropeAngles(count, config.head_dim, ropeOf(config, 10_000).theta, (i) => start + i),
};
