/**
 * qwen3: the Qwen3 decoder, a family of its own (text only) and the half of several others that writes: nn's decoder with an
 * RMSNorm per head on q and k before the rotation; biases in attention alone, and only if the config says so.
 * [Qwen3 technical report, 2025; transformers modeling_qwen3.py]
 */
import { z } from "zod";
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

export type Qwen3Config = nn.DecoderSizes & {
  readonly attention_bias: boolean;
  readonly max_position_embeddings: number;
};

/** The decoder at `model`, whose head is the embedding table if `isTied`. */
export function qwen3Decoder(config: Qwen3Config, model: string, isTied: boolean) {
  const head = isTied ? `${model}.embed_tokens` : "lm_head";
  const bias = { attention: config.attention_bias, mlp: false };
  return { model, head, qkNorm: true, bias } satisfies nn.DecoderVariant;
}

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
  states: nn.decoderStates,
  canonicalName: spelling(decoderRoots("model")),
  parts: partsOf(["model.embed_tokens.", "embedding"], ["lm_head.", "head"], ["", "decoder"]),
  embedTokens: "model.embed_tokens.weight",
  graphs: (config) => ({
    decoder: (builder) => nn.buildDecoder(builder, config, qwen3Decoder(config, "model", config.tie_word_embeddings)),
  }),
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: (config, { start, count }) =>
    ropeAngles(count, config.head_dim, ropeOf(config, 10_000).theta, (i) => start + i),
};
