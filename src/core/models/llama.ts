/**
 * llama: the decoder of Llama 2, 3, 3.1 and 3.2 and of the many models that are built alike (SmolLM2 among them), text only:
 * nn's decoder without norms on q and k. Specification: docs/models/llama.md.
 * [Touvron et al. 2023; transformers modeling_llama.py]
 */
import { z } from "zod";
import * as nn from "../nn/index.js";
import { checkSizes, layers, parseConfig, size } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules, eosSchema } from "./decoder-config.js";
import { indexPositions, type ModelFamily } from "./family.js";
import { irrelevant, only } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { llama3RopeFields, ropeAngles, ropeOf } from "./rope.js";

/** Files leave out what equals the reference's defaults (those of Llama 2 7B), so these are part of the format. */
export const llamaFields = {
  ...decoderFields,
  ...llama3RopeFields,
  vocab_size: size.default(32_000),
  hidden_size: size.default(4096),
  intermediate_size: size.default(11_008),
  num_hidden_layers: layers.default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size.default(2048),
  mlp_bias: z.boolean().default(false),
  eos_token_id: eosSchema.default(2),
  tie_word_embeddings: z.boolean().default(false),
  ...irrelevant("pretraining_tp"), // how the training cut the products
  ...irrelevant("is_llama_config"), // nanotron's, as is the next
  rope_interleaved: only(false),
};

type Sizes = Readonly<Record<"hidden_size" | "num_attention_heads", number>> &
  Readonly<Partial<Record<"num_key_value_heads" | "head_dim", number | null | undefined>>>;

/** With the sizes that follow from others where a file leaves them out. */
export function withLlamaSizes<C extends Sizes>(config: C) {
  return {
    ...config,
    num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
    head_dim: config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads),
  };
}

const configSchema = z.object(llamaFields).transform(withLlamaSizes);

type Config = z.infer<typeof configSchema>;

/** The decoder at `model`, whose head is the embedding table if `isTied`. */
export function llamaDecoder(
  config: Readonly<Record<"attention_bias" | "mlp_bias", boolean>>,
  model: string,
  isTied: boolean,
): nn.DecoderVariant {
  const bias = { attention: config.attention_bias, mlp: config.mlp_bias };
  return { model, head: isTied ? `${model}.embed_tokens` : "lm_head", qkNorm: false, bias };
}

export const llama: ModelFamily<Config> = {
  kind: "language",
  modelType: "llama",
  about: {
    title: "Llama 2 and 3.x and models built alike, such as SmolLM2",
    repositories: ["HuggingFaceTB/SmolLM2-135M-Instruct", "meta-llama/Llama-3.2-1B-Instruct"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { hidden_size: width, num_attention_heads: heads } = config;
    checkSizes([
      [width % heads === 0, "hidden_size must be a multiple of num_attention_heads"], // the reference's rule
      ...decoderRules(config),
    ]);
    return config;
  },
  dimensions: (config) => decoderDimensions(config, config.eos_token_id, []),
  states: nn.decoderStates,
  canonicalName: spelling(decoderRoots("model")),
  parts: partsOf(["model.embed_tokens.", "embedding"], ["lm_head.", "head"], ["", "decoder"]),
  embedTokens: "model.embed_tokens.weight",
  graphs: (config) => ({
    decoder: (builder) => nn.buildDecoder(builder, config, llamaDecoder(config, "model", config.tie_word_embeddings)),
  }),
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: (config, { start, count }) => ropeAngles(count, config.head_dim, ropeOf(config, 10_000), (i) => start + i),
};
