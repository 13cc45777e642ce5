/**
 * qwen3_vl_resampler: ViT → Perceiver Resampler → Qwen3 decoder.
 *
 *   picture 112×112 → 64 patches → vision_tower ──→ 64 features ──→ perceiver_resampler → 32 visual tokens
 *                                                                                            │
 *   prompt ids → embed_tokens, the 32 <|image_pad|> rows replaced by the visual tokens ←─────┘ → language_model → logits
 *
 * Specification: docs/models/qwen3_vl_resampler.md. Reference: training/modeling_qwen3_vl_resampler.py.
 * Sources: ViT (Dosovitskiy 2020), Flamingo's resampler (Alayrac 2022), Qwen3 (2025).
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { fitProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { decoderDimensions, decoderRules, eosSchema } from "./decoder-config.js";
import { indexPositions, type ModelFamily, plainLayout } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { qwen3Decoder, qwen3Fields, usualEos } from "./qwen3.js";
import { ropeAngles, ropeOf } from "./rope.js";

const visionSchema = z.object({
  ...commonFields,
  depth: layers,
  hidden_size: size,
  intermediate_size: size,
  num_heads: size,
  in_channels: z.literal(3).default(3),
  patch_size: size.default(14),
  image_size: size.default(112),
  layer_norm_eps: epsilon.default(1e-6),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
});

const resamplerSchema = z.object({
  ...commonFields,
  num_queries: size.default(32),
  num_hidden_layers: layers,
  num_attention_heads: size,
  hidden_size: size,
  intermediate_size: size,
  layer_norm_eps: epsilon.default(1e-6),
});

const textSchema = z.object({
  ...qwen3Fields,
  attention_bias: z.literal(false).default(false),
  max_position_embeddings: size.default(2048),
});

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId,
  ...irrelevant("vision_start_token_id", "vision_end_token_id"), // the chat template writes them
  eos_token_id: eosSchema,
  tie_word_embeddings: z.boolean().default(true),
  vision_config: visionSchema,
  resampler_config: resamplerSchema,
  text_config: textSchema,
});

type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

// ---------------------------------------------------------------------------------------------------------- vision

/** pixel_values [num_images, patches, 3·14·14] → vision_features [num_images, patches, D], visual_tokens [num_images, 32, H] */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { vision_config: vision, resampler_config: resampler } = config;
  const pixels = builder.input("pixel_values", "f32", ["num_images", numPatches(vision), patchValues(vision)]);
  const features = visionTower(builder.root.at("vision_tower"), pixels, vision);
  const scope = builder.root.at("perceiver_resampler");
  const latents = nn.perceiverResampler(scope, features, {
    numQueries: resampler.num_queries,
    numLayers: resampler.num_hidden_layers,
    numHeads: resampler.num_attention_heads,
    width: resampler.intermediate_size,
    epsilon: resampler.layer_norm_eps,
  });
  const tokens = nn.linear(scope, "proj", latents, config.text_config.hidden_size);
  builder.output("vision_features", features);
  builder.output("visual_tokens", tokens);
}

function visionTower(scope: Scope, pixels: Value, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const names = { weight: "weight", bias: "bias" };
  let x = nn.patchEmbedding(scope.at("patch_embed.proj"), pixels, [D, 3, p, p], names);
  x = scope.op("Add", [x, scope.weight("pos_embed", [numPatches(config), D])]);
  for (let n = 0; n < config.depth; n++) x = nn.encoderBlock(scope.at("blocks").at(n), x, visionBlock(config));
  return nn.layerNorm(scope, "norm", x, config.layer_norm_eps);
}

/** Every patch sees every patch; biases everywhere. */
function visionBlock(config: VisionConfig): nn.EncoderBlock {
  const { num_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  return {
    norms: ["norm1", "norm2"],
    epsilon: config.layer_norm_eps,
    attention: { at: "attn", qkv: ["qkv"], out: "attn.proj", numHeads, bias: true },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width, bias: true },
  };
}

// ---------------------------------------------------------------------------------------------------------- family

function numPatches(config: VisionConfig): number {
  return (config.image_size / config.patch_size) ** 2;
}

function patchValues(config: VisionConfig): number {
  return 3 * config.patch_size ** 2;
}

function sizeRules({ vision_config: v, resampler_config: r, text_config: t }: Config): SizeRule[] {
  return [
    [v.image_size % v.patch_size === 0, "vision_config.image_size must be a multiple of patch_size"],
    [v.hidden_size % v.num_heads === 0, "vision_config.hidden_size must be a multiple of num_heads"],
    [r.hidden_size === v.hidden_size, "resampler_config.hidden_size must equal vision_config.hidden_size"],
    [
      r.hidden_size % r.num_attention_heads === 0,
      "resampler_config.hidden_size must be a multiple of num_attention_heads",
    ],
    ...decoderRules(t, "text_config."),
  ];
}

const spelledRoots = spelling({
  ...decoderRoots("language_model"),
  embed_positions: "language_model.embed_positions",
  ...{ vision_tower: "vision_tower", perceiver_resampler: "perceiver_resampler" },
});

/** Within a decoder layer: spellings found in files → ours. */
const respellings: readonly (readonly [RegExp, string])[] = [
  [/^(language_model\.layers\.\d+)\.attn\./, "$1.self_attn."],
  [/\.mlp\.gate_proj\./, ".mlp.w1."],
  [/\.mlp\.down_proj\./, ".mlp.w2."],
  [/\.mlp\.up_proj\./, ".mlp.w3."],
];

function decoderVariant({ text_config: text, tie_word_embeddings: isTied }: Config): nn.DecoderVariant {
  const mlpNames = { gate: "w1", up: "w3", down: "w2" };
  return { ...qwen3Decoder(text, "language_model", isTied), mlpNames };
}

export const qwen3VlResampler: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3_vl_resampler",
  about: { title: "the bundled demo model: drawn shop windows and dialog boxes", repositories: [] },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(sizeRules(config));
    return config;
  },
  dimensions: ({ text_config: text, eos_token_id: eos }) => decoderDimensions(text, eos ?? text.eos_token_id, usualEos),
  states: (config) => nn.decoderStates(config.text_config),
  canonicalName: (name) =>
    respellings.reduce((spelled, [pattern, ours]) => spelled.replace(pattern, ours), spelledRoots(name)),
  parts: partsOf(
    ["vision_tower.", "vision"],
    ["perceiver_resampler.", "connector"],
    ["language_model.embed_", "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  embedTokens: "language_model.embed_tokens.weight",
  // language_model.embed_positions.weight, which files carry, is not read: positions come from RoPE.
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => nn.buildDecoder(builder, config.text_config, decoderVariant(config)),
  }),
  image: {
    imageProcessor: ({ vision_config: { image_size: side, patch_size } }, processorConfig) =>
      fitProcessor(processorConfig, { width: side, height: side, patchSize: patch_size, absent: { size: side } }),
    tokenId: (config) => config.image_token_id,
    layout: (config, _, placeholder) => plainLayout(placeholder, config.resampler_config.num_queries), // whatever the size
    inputs: (_, { data, shape }) => ({ pixel_values: { dtype: "f32", shape: [1, ...shape], data } }),
    extraOutputs: () => ["vision_features"],
    queryAttention: ({ resampler_config: { num_hidden_layers: n } }) =>
      Array.from({ length: n }, (_, i) => `perceiver_resampler.layers.${i}.cross_attn.MultiHeadAttention`),
  },
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: ({ text_config: text }, { start, count }) =>
    ropeAngles(count, text.head_dim, ropeOf(text, 1e6), (i) => start + i),
};
