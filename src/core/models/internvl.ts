/**
 * internvl: InternVL3 and 3.5 in the form that transformers reads (OpenGVLab/…-hf). A ViT of one size, whose blocks scale what they
 * add, sees an image tile by tile and once as a whole; blocks of its patches become one token each.
 *
 *   tiles ─ class row, patches + positions ─ blocks ─ patches ─ pixel shuffle ─ projector ─→ visual_tokens → inputs_embeds
 *
 * Specification: docs/models/internvl.md. Reference: transformers modeling_internvl.py, processing_internvl.py; fixtures in
 * test/golden/internvl/.
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { type ImageGrid, numTiles, tilesProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { decoderDimensions, decoderRules } from "./decoder-config.js";
import { indexPositions, type ModelFamily, mixedLayout } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { qwen3Decoder, qwen3Fields, referenceSizes, usualEos } from "./qwen3.js";
import { dynamicRopeFields, ropeAngles, ropeOf } from "./rope.js";

/** A side, or both, which must be equal. */
const square = z
  .union([size, z.tuple([size, size]).refine(([height, width]) => height === width, "expected equal sides")])
  .transform((sides) => (typeof sides === "number" ? sides : sides[0]));

const visionSchema = z.object({
  ...commonFields,
  hidden_size: size.default(1024),
  intermediate_size: size.default(4096),
  num_hidden_layers: layers.default(24),
  num_attention_heads: size.default(16),
  num_channels: z.literal(3).default(3),
  image_size: square.prefault([448, 448]),
  patch_size: square.prefault([14, 14]),
  hidden_act: z.enum(["gelu", "gelu_pytorch_tanh", "quick_gelu"]).default("gelu"),
  norm_type: z.enum(["layer_norm", "rms_norm"]).default("layer_norm"),
  layer_norm_eps: epsilon.default(1e-6),
  attention_bias: z.boolean().default(false),
  use_qk_norm: z.boolean().default(false),
  use_absolute_position_embeddings: z.boolean().default(true),
  use_mean_pooling: z.boolean().default(true),
  ...irrelevant("attention_dropout", "hidden_dropout_prob", "projection_dropout"), // training
  ...irrelevant("layer_scale_init_value", "use_mask_token"), // training: the first value of stored weights; a row for hidden patches
});

const textSchema = z
  .object({
    ...qwen3Fields,
    ...referenceSizes,
    ...dynamicRopeFields(),
    model_type: z.enum(["qwen2", "qwen3"]).default("qwen2"),
    num_key_value_heads: size.nullable().default(32),
    head_dim: size.nullish(),
    max_position_embeddings: size.default(32_768),
    tie_word_embeddings: z.boolean().nullish(),
  })
  .transform((config) => ({
    ...config,
    num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
    head_dim:
      config.head_dim ??
      (config.model_type === "qwen3" ? 128 : Math.floor(config.hidden_size / config.num_attention_heads)),
  }));

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.default(151_667),
  image_seq_length: size.default(256),
  downsample_ratio: z.number().positive().max(1).default(0.5),
  projector_hidden_act: z.enum(["gelu", "gelu_pytorch_tanh", "silu", "relu"]).default("gelu"),
  vision_feature_layer: only(-1),
  vision_feature_select_strategy: only("default"),
  tie_word_embeddings: z.boolean().nullish(),
  vision_config: visionSchema.prefault({}),
  text_config: textSchema.prefault({}),
});

type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

/**
 * The whole's flag decides; files of transformers 4 leave it out and say it in the text's part. The reference then ties, but for
 * a checkpoint whose head is another than its table.
 */
const isTied = (config: Config): boolean =>
  config.tie_word_embeddings ?? config.text_config.tie_word_embeddings ?? true;

// ---------------------------------------------------------------------------------------------------------- vision

const patchesOf = ({ image_size: side, patch_size: patch }: VisionConfig): number => Math.floor(side / patch);

/** Patches on a side that become one token. */
const scaleOf = ({ downsample_ratio: ratio }: Config): number => Math.round(1 / ratio);

/** Tokens of one tile. */
const tokensOf = (config: Config): number => (patchesOf(config.vision_config) / scaleOf(config)) ** 2;

const tower = "model.vision_tower";
const projector = "model.multi_modal_projector";
/** Not in any config: PyTorch's own, and LlamaRMSNorm's. */
const projectorEpsilon = 1e-5;
const qkEpsilon = 1e-6;

/** pixel_values [num_tiles · patches, 3·patch²], tile by tile → visual_tokens [num_tiles · tokens, H] */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { vision_config: vision, text_config: text, projector_hidden_act: activation } = config;
  const { patch_size: p, num_hidden_layers: depth } = vision;
  const numPatches = patchesOf(vision) ** 2;
  const scope = builder.root.at(tower);
  const pixels = builder.input("pixel_values", "f32", [`${numPatches}*num_images`, 3 * p * p]);
  let x = embedPatches(scope.at("embeddings"), pixels, vision);
  for (let n = 0; n < depth; n++) x = nn.encoderBlock(scope.at("encoder.layer").at(n), x, visionBlock(vision));
  if (!vision.use_mean_pooling) x = nn.layerNorm(scope, "layernorm", x, vision.layer_norm_eps);
  const [, patches] = scope.ops("Split", [x, scope.int64([1, numPatches])], { axis: 1 });
  const connector = builder.root.at(projector);
  const blocks = nn.pixelShuffle(connector, patches!, scaleOf(config));
  const rows = connector.reshape(blocks, [-1, scaleOf(config) ** 2 * vision.hidden_size]);
  const normed = nn.layerNorm(connector, "layer_norm", rows, projectorEpsilon);
  const names = { up: "linear_1", down: "linear_2", activation, width: text.hidden_size, bias: true };
  builder.output("visual_tokens", nn.mlp(connector, normed, text.hidden_size, names));
}

/** The class row before the patches of each tile; a learned position for each. → [num_tiles, 1 + patches, D] */
function embedPatches(scope: Scope, pixels: Value, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const numPatches = patchesOf(config) ** 2;
  const names = { weight: "projection.weight", bias: "projection.bias" };
  const patches = nn.patchEmbedding(scope.at("patch_embeddings"), pixels, [D, 3, p, p], names);
  const tiles = scope.reshape(patches, [-1, numPatches, D]); // each sees itself only
  const classRow = nn.repeated(scope, scope.reshape(scope.weight("cls_token", [1, 1, D]), [1, D]), tiles);
  const rows = scope.op("Concat", [classRow, tiles], { axis: 1 });
  if (!config.use_absolute_position_embeddings) return rows;
  return scope.op("Add", [rows, scope.weight("position_embeddings", [1, numPatches + 1, D])]);
}

function visionBlock(config: VisionConfig): nn.EncoderBlock {
  const { num_attention_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  const qkv = ["q_proj", "k_proj", "v_proj"] as const;
  const attention = { at: "attention", qkv, out: "attention.projection_layer", numHeads, bias: config.attention_bias };
  return {
    norms: ["layernorm_before", "layernorm_after"],
    ...(config.norm_type === "rms_norm" && { norm: "rms" }),
    epsilon: config.layer_norm_eps,
    scales: ["lambda_1", "lambda_2"],
    attention: { ...attention, ...(config.use_qk_norm && { norms: { q: "q_norm", k: "k_norm", epsilon: qkEpsilon } }) },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width, bias: true },
  };
}

// ---------------------------------------------------------------------------------------------------------- family

/** All tiles in one run, raster order, then the whole. [processing_internvl.py] */
function layoutParts(config: Config, grid: ImageGrid): (string | number)[] {
  const { image_size: side, patch_size: patchSize } = config.vision_config;
  return ["<img>", tokensOf(config) * numTiles(grid, { side, patchSize }), "</img>"];
}

function sizeRules(config: Config): SizeRule[] {
  const { vision_config: vision, text_config: text, downsample_ratio: ratio, image_seq_length: numTokens } = config;
  return [
    [
      vision.hidden_size % vision.num_attention_heads === 0,
      "vision_config.hidden_size must be a multiple of its heads",
    ],
    [Math.abs(1 / ratio - scaleOf(config)) < 1e-6, "downsample_ratio must be one part of a whole number"],
    [
      patchesOf(vision) >= 1 && patchesOf(vision) % scaleOf(config) === 0,
      "downsample_ratio must divide the patches on a side of vision_config.image_size",
    ],
    [numTokens === tokensOf(config), "image_seq_length must be the tokens of a tile"],
    ...decoderRules(text, "text_config."),
  ];
}

const model = "model.language_model";

function decoderVariant(config: Config): nn.DecoderVariant {
  const { text_config: text } = config;
  if (text.model_type === "qwen3") return qwen3Decoder(text, model, isTied(config));
  const head = isTied(config) ? `${model}.embed_tokens` : "lm_head";
  return { model, head, qkNorm: false, bias: { attention: "qkv", mlp: false } };
}

export const internvl: ModelFamily<Config> = {
  kind: "language",
  modelType: "internvl",
  about: {
    title: "InternVL3 and InternVL3.5 (the -hf repositories)",
    repositories: ["OpenGVLab/InternVL3_5-1B-HF", "OpenGVLab/InternVL3-2B-hf", "OpenGVLab/InternVL3-8B-hf"],
    trainedFor: ["several_images"],
    places: "thousandths",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(sizeRules(config));
    return config;
  },
  dimensions: ({ text_config: text }) => decoderDimensions(text, text.eos_token_id, usualEos),
  states: ({ text_config: text }) => nn.decoderStates(text),
  canonicalName: spelling({ ...decoderRoots(model), vision_tower: tower, multi_modal_projector: projector }),
  parts: partsOf(
    [`${tower}.`, "vision"],
    [`${projector}.`, "connector"],
    [`${model}.embed_tokens.`, "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  isAside: (name) => name === `${tower}.embeddings.mask_token`,
  embedTokens: `${model}.embed_tokens.weight`,
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => nn.buildDecoder(builder, config.text_config, decoderVariant(config)),
  }),
  image: {
    imageProcessor: ({ vision_config: { image_size: side, patch_size: patchSize } }, processorConfig) => {
      const absent = { size: { height: side, width: side } };
      return tilesProcessor(processorConfig, { processors: ["GotOcr2ImageProcessor"], side, patchSize, absent });
    },
    tokenId: (config) => config.image_token_id,
    layout: (config, grid, placeholder, encode) => mixedLayout(layoutParts(config, grid), placeholder, encode),
    inputs: (_, { data, shape }) => ({ pixel_values: { dtype: "f32", shape, data } }),
    extraOutputs: () => [],
  },
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: ({ text_config: text }, { start, count }) =>
    ropeAngles(count, text.head_dim, ropeOf(text, 10_000), (i) => start + i),
};
