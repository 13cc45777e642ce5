/**
 * What Qwen2-VL and Qwen2.5-VL share beside the vision encoder: both forms of the config, and the Qwen2 decoder, whose q, k and v
 * have biases and whose rotation gives T, H and W a section of neighbouring frequencies each.
 *
 * Specification: docs/models/qwen2_vl.md. Reference: transformers configuration_qwen2_vl.py, modeling_qwen2_vl.py.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { epsilon, layers, type SizeRule, size, tokenId } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules, eosSchema } from "./decoder-config.js";
import type { ModelFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { usualEos } from "./qwen3.js";
import { ropeOf, sectionedMropeAngles, sectionedRopeFields } from "./rope.js";

/** q, k and v always have biases, so no field says it. */
const { attention_bias: _, ...decoderPart } = decoderFields;

const textFields = {
  ...decoderPart,
  ...sectionedRopeFields(),
  vocab_size: size.default(152_064),
  hidden_size: size.default(8192),
  intermediate_size: size.default(29_568),
  num_hidden_layers: layers.default(80),
  num_attention_heads: size.default(64),
  num_key_value_heads: size.nullable().default(8),
  head_dim: size.nullish(),
  max_position_embeddings: size.default(32_768),
  rms_norm_eps: epsilon.default(1e-5),
  eos_token_id: eosSchema.default(151_645),
  tie_word_embeddings: z.boolean().optional(),
  use_sliding_window: only(false),
  ...irrelevant("sliding_window", "max_window_layers"), // of use_sliding_window
  layer_types: z.array(z.enum(["full_attention", "attention"])).nullish(),
};

/** Some savers write the whole's ids into the text's part too. */
const idFields = irrelevant(
  ...(["image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id", "vision_token_id"] as const),
);

const textSchema = z.object({ ...textFields, ...idFields }).transform((config) => ({
  ...config,
  num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
  head_dim: config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads),
}));

/** Published files have the text's fields beside the whole's; later ones in text_config, and some savers in both. */
const flatNames = Object.keys(textFields).filter((name) => !(name in commonFields) && !(name in quantizationFields));

/** Of a whole config, without its vision part. */
export const wholeFields = {
  ...commonFields,
  ...quantizationFields,
  ...(irrelevant(...flatNames) as Record<never, never>), // beside a text_config
  image_token_id: tokenId.default(151_655),
  video_token_id: tokenId.default(151_656),
  ...irrelevant("vision_start_token_id", "vision_end_token_id", "vision_token_id"), // the chat template writes them
  tie_word_embeddings: z.boolean().default(false),
  text_config: textSchema.prefault({}),
};

/** Of both families. */
export type WholeConfig = z.infer<z.ZodObject<typeof wholeFields>>;

/** The nested form of either form. @param names of the text's fields beside the whole's */
export function nestedText(json: unknown, names: readonly string[]): unknown {
  if (typeof json !== "object" || json === null || ("text_config" in json && json.text_config !== null)) return json;
  const isText = ([name]: readonly [string, unknown]) => names.includes(name);
  const fields = Object.entries(json);
  return {
    ...Object.fromEntries(fields.filter((field) => !isText(field))),
    text_config: Object.fromEntries(fields.filter(isText)),
  };
}

export const nested = (json: unknown) => nestedText(json, flatNames);

/** What a config leaves out: the rotation's base, and how MRoPE shares the frequencies between T, H and W. */
const textTheta = 1e6;
const mropeSection = [16, 24, 24];
export function textRules({ text_config: text }: WholeConfig): SizeRule[] {
  const { hidden_size: width, num_attention_heads: heads, head_dim: headDim } = text;
  const sections = ropeOf(text, textTheta).mropeSection ?? mropeSection;
  const sum = sections.reduce((total, count) => total + count, 0);
  return [
    [heads * headDim === width, "text_config.head_dim must be hidden_size / num_attention_heads"],
    [sum === headDim / 2, "text_config.rope_parameters.mrope_section must add up to head_dim / 2"],
    ...decoderRules(text, "text_config."),
  ];
}

const model = "model.language_model";

export function buildDecoder(
  builder: GraphBuilder,
  { text_config: text, tie_word_embeddings: isTied }: WholeConfig,
): void {
  const head = isTied || text.tie_word_embeddings ? `${model}.embed_tokens` : "lm_head";
  nn.buildDecoder(builder, text, { model, head, qkNorm: false, bias: { attention: "qkv", mlp: false } });
}

/** What does not depend on the vision encoder. */
export const sharedFamily = {
  kind: "language",
  dimensions: ({ text_config: text }: WholeConfig) => decoderDimensions(text, text.eos_token_id, usualEos),
  states: ({ text_config: text }: WholeConfig) => nn.decoderStates(text),
  canonicalName: spelling({ ...decoderRoots(model), visual: "model.visual", vision_tower: "model.visual" }),
  parts: partsOf(
    ["model.visual.merger.", "connector"],
    ["model.visual.", "vision"],
    [`${model}.embed_tokens.`, "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  embedTokens: `${model}.embed_tokens.weight`,
  numDeepstack: () => 0,
  rotary: ({ text_config: text }, row) =>
    sectionedMropeAngles(row, text.head_dim, ropeOf(text, textTheta), mropeSection),
} as const satisfies Partial<ModelFamily<WholeConfig>>;
