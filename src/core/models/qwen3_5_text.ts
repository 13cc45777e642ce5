/**
 * qwen3_5_text: the decoder of Qwen3.5 (0.8B to 27B), a family of its own (text only) and the half of qwen3_5 that writes. Most
 * layers are gated delta nets, whose memory does not grow; every fourth is attention whose heads are gated and of whose columns a
 * quarter turns.
 *
 *   layers ─ linear_attn ─ linear_attn ─ linear_attn ─ self_attn ─ linear_attn ─ …   each followed by a SwiGLU
 *
 * Specification: docs/models/qwen3_5.md. Reference: transformers modeling_qwen3_5.py; fixtures in test/golden/qwen3_5_text/.
 */
import { z } from "zod";
import type { StateSpec } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, layers, parseConfig, type SizeRule, size } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules } from "./decoder-config.js";
import { indexPositions, type ModelFamily, type RotaryAngles, type TokenRow } from "./family.js";
import { irrelevant, only } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { mropeAngles, partialRopeFields, ropeOf } from "./rope.js";

/** Columns of a delta net's head; published ones have 128. A state holds their square for each head. */
const headColumns = size.max(1024);

export const textSchema = z.object({
  ...decoderFields,
  ...partialRopeFields("default", "mrope"),
  vocab_size: size.default(248_320),
  hidden_size: size.default(4096),
  intermediate_size: size.default(12_288),
  num_hidden_layers: layers.default(32),
  num_attention_heads: size.default(16),
  num_key_value_heads: size.default(4),
  head_dim: size.default(256),
  max_position_embeddings: size.default(32_768),
  linear_conv_kernel_dim: z.number().int().min(2).max(64).default(4), // published ones have 4
  linear_key_head_dim: headColumns.default(128),
  linear_value_head_dim: headColumns.default(128),
  linear_num_key_heads: size.default(16),
  linear_num_value_heads: size.default(32),
  layer_types: z.array(z.enum(["linear_attention", "full_attention"])).nullish(),
  full_attention_interval: size.default(4), // of configs without layer_types
  tie_word_embeddings: z.boolean().default(false),
  attn_output_gate: only(true),
  output_gate_type: only("swish"), // of the linear layers, in files of Qwen3.8
  mlp_only_layers: only([]),
  ...irrelevant("mamba_ssm_dtype"), // states are float32
  ...irrelevant("mtp_num_hidden_layers", "mtp_use_dedicated_embeddings"), // of tensors that are left aside
});

export type TextConfig = z.infer<typeof textSchema>;

/** What a config leaves out: the rotation's base, how much of a head turns, and how MRoPE shares the frequencies. */
const theta = 10_000;
const rotaryShare = 0.25;
const mropeSection = [11, 11, 10];

/** <|im_end|> and <|endoftext|>. */
export const usualEos = [248_046, 248_044];

function rotaryDim(config: TextConfig): number {
  return Math.trunc(config.head_dim * (ropeOf(config, theta).share ?? rotaryShare));
}

function linearLayers(config: TextConfig): nn.LinearLayers {
  const { layer_types: types, full_attention_interval: interval } = config;
  const isLinear = Array.from({ length: config.num_hidden_layers }, (_, n) =>
    types ? types[n] === "linear_attention" : (n + 1) % interval !== 0,
  );
  const net = {
    keyHeads: config.linear_num_key_heads,
    valueHeads: config.linear_num_value_heads,
    keyDim: config.linear_key_head_dim,
    valueDim: config.linear_value_head_dim,
    kernel: config.linear_conv_kernel_dim,
  };
  return { isLinear, net };
}

export function decoderStates(config: TextConfig): StateSpec[] {
  return nn.decoderStates(config, linearLayers(config));
}

export function rotary(config: TextConfig, row: TokenRow): RotaryAngles {
  return mropeAngles(row, rotaryDim(config), ropeOf(config, theta), mropeSection);
}

/** The decoder at `model`, whose head is the embedding table if `isTied`. */
export function decoderVariant(config: TextConfig, model: string, isTied: boolean): nn.DecoderVariant {
  return {
    model,
    head: isTied ? `${model}.embed_tokens` : "lm_head",
    qkNorm: true,
    bias: { attention: config.attention_bias, mlp: false },
    offsetNorms: true,
    outputGate: true,
    rotaryDim: rotaryDim(config),
    linear: linearLayers(config),
  };
}

/** Their errors a delta net enlarges, by the norm behind its short reads, or hands on whole: docs/models/qwen3_5.md. */
export const keepsEightBits = (name: string) => /\.linear_attn\.(?:in_proj_qkv|out_proj)\.weight$/.test(name);

/** `where` is how config.json names the decoder's part. */
export function textRules(config: TextConfig, where = ""): SizeRule[] {
  const { layer_types: types, num_hidden_layers: count } = config;
  const turning = rotaryDim(config);
  const [keyHeads, valueHeads] = [config.linear_num_key_heads, config.linear_num_value_heads];
  return [
    ...decoderRules(config, where),
    [!types || types.length === count, `${where}layer_types must have num_hidden_layers entries`],
    [valueHeads % keyHeads === 0, `${where}linear_num_value_heads must be a multiple of linear_num_key_heads`],
    [turning >= 2 && turning % 2 === 0, `${where}head_dim times partial_rotary_factor must be even`],
  ];
}

export const qwen35Text: ModelFamily<TextConfig> = {
  kind: "language",
  modelType: "qwen3_5_text",
  about: { title: "the decoder of Qwen3.5 alone", repositories: [], trainedFor: ["thinking"] },
  configSchema: textSchema,
  parseConfig(json) {
    const config = parseConfig(textSchema, json, "config.json");
    checkSizes(textRules(config));
    return config;
  },
  dimensions: (config) => decoderDimensions(config, config.eos_token_id, usualEos),
  states: decoderStates,
  canonicalName: spelling(decoderRoots("model")),
  parts: partsOf(["model.embed_tokens.", "embedding"], ["lm_head.", "head"], ["", "decoder"]),
  isAside: (name) => /^(?:mtp|model\.visual)\./.test(name), // a head that guesses ahead; the encoder beside the text
  keepsEightBits,
  embedTokens: "model.embed_tokens.weight",
  graphs: (config) => ({
    decoder: (builder) => nn.buildDecoder(builder, config, decoderVariant(config, "model", config.tie_word_embeddings)),
  }),
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary,
};
