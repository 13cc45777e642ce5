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
import { fitRecipe } from "../image/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { indexPositions, type ModelFamily } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import {
  buildQwen3,
  decoderCache,
  decoderDimensions,
  decoderFields,
  decoderRules,
  eosSchema,
  type Qwen3Spelling,
} from "./qwen3.js";
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
  ...decoderFields,
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
type ResamplerConfig = z.infer<typeof resamplerSchema>;

// ---------------------------------------------------------------------------------------------------------- vision

/** pixel_values [num_images, patches, 3·14·14] → vision_features [num_images, patches, D], visual_tokens [num_images, 32, H] */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { vision_config: vision, resampler_config: resampler } = config;
  const pixels = builder.input("pixel_values", "f32", ["num_images", numPatches(vision), patchValues(vision)]);
  const features = visionTower(builder.root.at("vision_tower"), pixels, vision);
  const latents = perceiverResampler(builder.root.at("perceiver_resampler"), features, resampler);
  const tokens = nn.linear(builder.root.at("perceiver_resampler"), "proj", latents, config.text_config.hidden_size);
  builder.output("vision_features", features);
  builder.output("visual_tokens", tokens);
}

function visionTower(scope: Scope, pixels: Value, config: VisionConfig): Value {
  let x = patchEmbed(scope.at("patch_embed"), pixels, config);
  x = scope.op("Add", [x, scope.weight("pos_embed", [numPatches(config), config.hidden_size])]);
  for (let n = 0; n < config.depth; n++) x = visionBlock(scope.at("blocks").at(n), x, config);
  return nn.layerNorm(scope, "norm", x, config.layer_norm_eps);
}

/** The convolution with stride = kernel is a product of each patch's values (channel, y, x) with the flattened kernel. */
function patchEmbed(scope: Scope, pixels: Value, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const proj = scope.at("proj");
  const kernel = proj.reshape(proj.weight("weight", [D, 3, p, p]), [D, patchValues(config)]);
  return proj.op("Add", [proj.op("FusedMatMul", [pixels, kernel], { transB: 1 }), proj.weight("bias", [D])]);
}

/** Pre-norm transformer block, every patch sees every patch. x [num_images, patches, D] */
function visionBlock(scope: Scope, x: Value, config: VisionConfig): Value {
  const { hidden_size: D, layer_norm_eps: eps } = config;
  const attn = scope.at("attn");
  const qkv = nn.linear(attn, "qkv", nn.layerNorm(scope, "norm1", x, eps), 3 * D, { bias: true });
  const [q, k, v] = attn.split(qkv, [D, D, D]);
  const mixed = nn.fullAttention(attn, q!, k!, v!, config.num_heads);
  const afterAttention = scope.op("Add", [x, nn.linear(attn, "proj", mixed, D, { bias: true })]);

  const mlp = scope.at("mlp");
  const wide = nn.linear(mlp, "fc1", nn.layerNorm(scope, "norm2", afterAttention, eps), config.intermediate_size, {
    bias: true,
  });
  const activated = mlp.op("FastGelu", [wide]); // tanh GELU
  return scope.op("Add", [afterAttention, nn.linear(mlp, "fc2", activated, D, { bias: true })]);
}

// ------------------------------------------------------------------------------------------------------- resampler

/** features [num_images, patches, D] → latents [num_images, num_queries, D] */
function perceiverResampler(scope: Scope, features: Value, config: ResamplerConfig): Value {
  let latents = repeatForImages(scope, scope.weight("query", [config.num_queries, config.hidden_size]), features);
  for (let i = 0; i < config.num_hidden_layers; i++)
    latents = resamplerLayer(scope.at("layers").at(i), features, latents, config);
  return nn.layerNorm(scope, "norm", latents, config.layer_norm_eps);
}

/** The learned queries [num_queries, D], once for each picture of the batch. */
function repeatForImages(scope: Scope, query: Value, features: Value): Value {
  const numImages = scope.op("Shape", [features], { start: 0, end: 1 });
  const shape = scope.op("Concat", [numImages, scope.int64(query.shape as number[])], { axis: 0 });
  return scope.op("Expand", [query, shape]);
}

/**
 *  latents ─ norm_queries ─┬─ to_q ─────────────┐
 *                          ├─ concat ─ to_kv ── attention ─ to_out ─ + latents ─ norm_ffn ─ ffn ─ + ─→
 *  features ─ norm_features┘  (features first)
 * Features are never updated; each layer normalises them anew. The ffn uses the exact erf GELU and no biases.
 */
function resamplerLayer(scope: Scope, features: Value, latents: Value, config: ResamplerConfig): Value {
  const { hidden_size: D, layer_norm_eps: eps } = config;
  const cross = scope.at("cross_attn");
  const queries = nn.layerNorm(scope, "norm_queries", latents, eps);
  const context = cross.op("Concat", [nn.layerNorm(scope, "norm_features", features, eps), queries], { axis: 1 });
  const [k, v] = cross.split(nn.linear(cross, "to_kv", context, 2 * D), [D, D]);
  const mixed = nn.fullAttention(cross, nn.linear(cross, "to_q", queries, D), k!, v!, config.num_attention_heads);
  const afterAttention = scope.op("Add", [latents, nn.linear(cross, "to_out", mixed, D)]);

  const ffn = scope.at("ffn");
  const wide = nn.linear(ffn, "fc1", nn.layerNorm(scope, "norm_ffn", afterAttention, eps), config.intermediate_size);
  return scope.op("Add", [afterAttention, nn.linear(ffn, "fc2", ffn.op("Gelu", [wide]), D)]);
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

const decoderSpelling = (config: Config): Qwen3Spelling => ({
  model: "language_model",
  head: config.tie_word_embeddings ? "language_model.embed_tokens" : "lm_head",
  gate: "w1",
  up: "w3",
  down: "w2",
});

export const qwen3VlResampler: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3_vl_resampler",
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(sizeRules(config));
    return config;
  },
  dimensions: ({ text_config: text, eos_token_id: eos }) => decoderDimensions(text, eos ?? text.eos_token_id),
  cache: (config) => decoderCache(config.text_config),
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
    decoder: (builder) => buildQwen3(builder, config.text_config, decoderSpelling(config)),
  }),
  image: {
    recipe: ({ vision_config: { image_size: side, patch_size } }, processorConfig) =>
      fitRecipe(processorConfig, { width: side, height: side, patchSize: patch_size, absent: { size: side } }),
    tokenId: (config) => config.image_token_id,
    numTokens: (config) => config.resampler_config.num_queries, // whatever the picture's size
    inputs: (_, { data, shape }) => ({ pixel_values: { dtype: "f32", shape: [1, ...shape], data } }),
    extraOutputs: () => ["vision_features"],
    queryAttention: ({ resampler_config: { num_hidden_layers: n } }) =>
      Array.from({ length: n }, (_, i) => `perceiver_resampler.layers.${i}.cross_attn.MultiHeadAttention`),
  },
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: ({ text_config: text }, { start, count }) =>
    ropeAngles(count, text.head_dim, ropeOf(text, 1e6).theta, (i) => start + i),
};
