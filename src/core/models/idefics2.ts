/**
 * idefics2: Idefics2 8B. A SigLIP encoder of any size sees an image, or its quarters and then the whole; a gated projection and
 * a Perceiver of three layers make 64 tokens of each view, which a Mistral decoder reads.
 *
 *   views ─ patches + places ─ blocks ─ post_layernorm ─ modality_projection ─ perceiver_resampler ─→ visual_tokens
 *
 * Specification: docs/models/idefics2.md. Reference: transformers modeling_idefics2.py, processing_idefics2.py; fixtures in
 * test/golden/idefics2/.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type ImageGrid, quartersProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { anySizeInputs, anySizeSiglip } from "./any-size-siglip.js";
import { stepped } from "./bucketed-places.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules, eosSchema } from "./decoder-config.js";
import { type ImageLayout, indexPositions, type ModelFamily, mixedLayout } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { idefics } from "./idefics3.js";
import { ropeAngles, ropeFields, ropeOf } from "./rope.js";

const visionSchema = z.object({
  ...commonFields,
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  image_size: size.default(224),
  patch_size: size.default(32),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
  layer_norm_eps: epsilon.default(1e-6),
  ...irrelevant("attention_dropout"), // training
});

const perceiverSchema = z.object({
  ...commonFields,
  hidden_act: z.literal("silu").default("silu"),
  hidden_size: size.default(4096),
  rms_norm_eps: epsilon.default(1e-6),
  resampler_n_latents: size.default(64),
  resampler_depth: layers.default(3),
  resampler_n_heads: size.default(16),
  resampler_head_dim: size.default(96),
  num_key_value_heads: size.default(4),
  ...irrelevant("attention_dropout"), // training
});

/** A decoder of Mistral's has no biases. */
const { attention_bias: _, ...decoderPart } = decoderFields;

const textSchema = z
  .object({
    ...decoderPart,
    ...ropeFields("default"),
    model_type: only("mistral"),
    vocab_size: size.default(32_000),
    hidden_size: size.default(4096),
    intermediate_size: size.default(14_336),
    num_hidden_layers: layers.default(32),
    num_attention_heads: size.default(32),
    num_key_value_heads: size.nullable().default(8),
    head_dim: size.nullish(),
    max_position_embeddings: size.default(131_072),
    eos_token_id: eosSchema.default(2),
    sliding_window: size.nullable().default(4096),
  })
  .transform((config) => ({
    ...config,
    num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
    head_dim: config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads),
  }));

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.default(32_001),
  tie_word_embeddings: z.boolean().default(false),
  vision_config: visionSchema.prefault({}),
  perceiver_config: perceiverSchema.prefault({}),
  text_config: textSchema.prefault({ max_position_embeddings: 32_768, rms_norm_eps: 1e-5 }),
});

type Config = z.infer<typeof configSchema>;

// ---------------------------------------------------------------------------------------------------------- vision

/** Views of one shape → visual_tokens [num_images, latents, H] */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { perceiver_config: perceiver, text_config: text } = config;
  const features = anySizeSiglip(builder, "model.vision_model", config.vision_config);
  const connector = builder.root.at("model.connector");
  const names = {
    gate: "gate_proj",
    up: "up_proj",
    down: "down_proj",
    activation: text.hidden_act,
    bias: false,
  } as const;
  const half = { ...names, width: text.intermediate_size };
  const context = nn.mlp(connector.at("modality_projection"), features, text.hidden_size, half);
  const tokens = nn.groupedResampler(connector.at("perceiver_resampler"), context, {
    ...{ numQueries: perceiver.resampler_n_latents, numLayers: perceiver.resampler_depth },
    ...{ numHeads: perceiver.resampler_n_heads, numKvHeads: perceiver.num_key_value_heads },
    headDim: perceiver.resampler_head_dim,
    epsilon: (perceiver.hidden_size === text.hidden_size ? perceiver : text).rms_norm_eps, // as the reference repairs it
  });
  builder.output("visual_tokens", tokens);
}

// ---------------------------------------------------------------------------------------------------------- family

const mark = "<fake_token_around_image>";

/** Views between marks, which neighbours share. [processing_idefics2.py] */
function layout(
  config: Config,
  { quarters }: ImageGrid,
  placeholder: number,
  encode: (text: string) => readonly number[],
) {
  const numViews = (quarters?.length ?? 0) + 1;
  const rows = config.perceiver_config.resampler_n_latents;
  const parts = Array.from({ length: numViews }, () => [rows, mark]).flat();
  return { ...mixedLayout([mark, ...parts], placeholder, encode), sharesMarks: true } satisfies ImageLayout;
}

function sizeRules({ vision_config: vision, perceiver_config: perceiver, text_config: text }: Config): SizeRule[] {
  const { hidden_size: width, num_attention_heads: heads } = vision;
  return [
    [width % heads === 0, "vision_config.hidden_size must be a multiple of num_attention_heads"],
    [vision.image_size >= vision.patch_size, "vision_config.image_size must be at least patch_size"],
    [
      perceiver.resampler_n_heads % perceiver.num_key_value_heads === 0,
      "perceiver_config.resampler_n_heads must be a multiple of num_key_value_heads",
    ],
    ...decoderRules(text, "text_config."),
  ];
}

const model = "model.text_model";

export const idefics2: ModelFamily<Config> = {
  kind: "language",
  modelType: "idefics2",
  about: { title: "Idefics2", repositories: ["HuggingFaceM4/idefics2-8b"], trainedFor: ["several_images"] },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(sizeRules(config));
    return config;
  },
  /** Within the window each token sees all before it, as here; beyond it the reference forgets. */
  dimensions({ text_config: text }) {
    const maxLength = Math.min(text.max_position_embeddings, text.sliding_window ?? Number.POSITIVE_INFINITY);
    return decoderDimensions({ ...text, max_position_embeddings: maxLength }, text.eos_token_id, []);
  },
  states: ({ text_config: text }) => nn.decoderStates(text),
  ...idefics,
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => {
      const head = config.tie_word_embeddings ? `${model}.embed_tokens` : "lm_head";
      const bias = { attention: false, mlp: false };
      nn.buildDecoder(builder, config.text_config, { model, head, qkNorm: false, bias });
    },
  }),
  image: {
    imageProcessor: ({ vision_config: { patch_size: patchSize } }, processorConfig) =>
      quartersProcessor(processorConfig, { processors: ["Idefics2ImageProcessor"], patchSize, absent: {} }),
    tokenId(config, idOf) {
      idOf(mark); // which pieces of words would spell without meaning
      return config.image_token_id;
    },
    spaced: "<image>",
    layout,
    inputs: ({ vision_config: vision }, pixels) => anySizeInputs(pixels, vision, stepped),
    extraOutputs: () => [],
    queryAttention: ({ perceiver_config: { resampler_depth: depth } }) =>
      Array.from(
        { length: depth },
        (_, n) => `model.connector.perceiver_resampler.layers.${n}.self_attn.MultiHeadAttention`,
      ),
  },
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: ({ text_config: text }, { start, count }) =>
    ropeAngles(count, text.head_dim, ropeOf(text, 10_000), (i) => start + i),
};
