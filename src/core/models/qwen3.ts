/**
 * qwen3: the Qwen3 decoder, a family of its own (text only) and the half of several others that writes: nn's decoder with an
 * RMSNorm per head on q and k before the rotation; biases in attention alone, and only if the config says so.
 * [Qwen3 technical report, 2025; transformers modeling_qwen3.py]
 */
import { z } from "zod";
import * as nn from "../nn/index.js";
import { checkSizes, layers, parseConfig, size } from "./config.js";
import { type DecoderConfig, decoderDimensions, decoderFields, decoderRules } from "./decoder-config.js";
import { indexPositions, type ModelFamily } from "./family.js";
import { irrelevant, only } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { ropeAngles, ropeFields, ropeOf } from "./rope.js";

/** The decoder's part of a config, whatever the class; sizes have no defaults here. */
export const qwen3Fields = {
  ...decoderFields,
  ...ropeFields("default"),
  num_key_value_heads: size,
  head_dim: size,
  use_sliding_window: only(false),
  ...irrelevant("sliding_window", "max_window_layers"), // of use_sliding_window
  layer_types: z.array(z.enum(["full_attention", "attention"])).nullish(),
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

/** The decoder at `model`, whose head is the embedding table if `isTied`. */
export function qwen3Decoder(config: DecoderConfig, model: string, isTied: boolean) {
  const head = isTied ? `${model}.embed_tokens` : "lm_head";
  const bias = { attention: config.attention_bias, mlp: false };
  return { model, head, qkNorm: true, bias } satisfies nn.DecoderVariant;
}

/** <|endoftext|> and <|im_end|> of the Qwen vocabulary, for configs that leave them to generation_config.json. */
export const usualEos = [151645, 151643];

const configSchema = z.object({
  ...qwen3Fields,
  ...referenceSizes,
  max_position_embeddings: size.default(32_768),
  tie_word_embeddings: z.boolean().default(false),
});

type Config = z.infer<typeof configSchema>;

export const qwen3: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3",
  about: {
    title: "Qwen3, dense",
    repositories: ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B"],
    trainedFor: ["tools", "thinking"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(decoderRules(config));
    return config;
  },
  dimensions: (config) => decoderDimensions(config, config.eos_token_id, usualEos),
  states: nn.decoderStates,
  canonicalName: spelling(decoderRoots("model")),
  parts: partsOf(["model.embed_tokens.", "embedding"], ["lm_head.", "head"], ["", "decoder"]),
  embedTokens: "model.embed_tokens.weight",
  graphs: (config) => ({
    decoder: (builder) => nn.buildDecoder(builder, config, qwen3Decoder(config, "model", config.tie_word_embeddings)),
  }),
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: (config, { start, count }) => ropeAngles(count, config.head_dim, ropeOf(config, 10_000), (i) => start + i),
};
