/**
 * paddleocr_vl: PaddleOCR-VL (0.9B), readers of documents. SigLIP's tower at native resolution, its learned grid of positions
 * interpolated to the image's and its heads turned by row and column; 2×2 patches become a token; ERNIE 4.5 decodes.
 *
 *   patches · kernel + interpolated positions ─ blocks ─ post_layernorm ─ projector ─→ visual_tokens → inputs_embeds
 *
 * Specification: docs/models/paddleocr_vl.md. Reference: transformers modeling_paddleocr_vl.py; fixtures in test/golden/paddleocr_vl/.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type PixelValues, smartResizeProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, size, tokenId } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules, eosSchema } from "./decoder-config.js";
import { type HostInput, type ModelFamily, plainLayout } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { interpolatedPlaces, interpolationInputs } from "./interpolated-places.js";
import { axialRotary, axialRotaryInputs, mergeOrder, numPatches, promptPositions } from "./merged-patches.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { nestedText } from "./qwen2_vl_text.js";
import { ropeFields, ropeOf, sectionedMropeAngles, sectionedRopeFields } from "./rope.js";
import { towerBlocks } from "./towers.js";

const visionSchema = z.object({
  ...commonFields,
  ...ropeFields("axial", "default"),
  hidden_size: size.default(1152),
  intermediate_size: size.default(4304),
  num_hidden_layers: layers.default(27),
  num_attention_heads: size.default(16),
  head_dim: size.nullish(),
  num_channels: z.literal(3).default(3),
  image_size: size.default(384), // of the learned grid
  patch_size: size.default(14),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
  layer_norm_eps: epsilon.default(1e-6),
  spatial_merge_size: z.literal(2).default(2),
  ...irrelevant("attention_dropout", "temporal_patch_size", "tokens_per_second"), // training; of videos, which it does not read
});

const { attention_bias: _, ...decoderPart } = decoderFields;
const textFields = {
  ...decoderPart,
  ...sectionedRopeFields(),
  vocab_size: size.default(103_424),
  hidden_size: size.default(1024),
  intermediate_size: size.default(3072),
  num_hidden_layers: layers.default(18),
  num_attention_heads: size.default(16),
  num_key_value_heads: size.nullable().default(2),
  head_dim: size.nullable().default(128),
  max_position_embeddings: size.default(131_072),
  rms_norm_eps: epsilon.default(1e-5),
  eos_token_id: eosSchema.default(2),
  tie_word_embeddings: z.boolean().default(true),
  use_bias: z.boolean().nullable().default(false),
  layer_types: z.array(z.literal("full_attention")).nullish(),
  ...irrelevant("sliding_window"), // of layers of another type
};

const textSchema = z.object(textFields).transform((config) => ({
  ...config,
  num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
  head_dim: config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads),
}));

/** Published files have the text's fields beside the whole's. */
const flatNames = Object.keys(textFields).filter((name) => !(name in commonFields) && !(name in quantizationFields));
const nested = (json: unknown) => nestedText(json, flatNames);

const configSchema = z.preprocess(
  nested,
  z.object({
    ...commonFields,
    ...quantizationFields,
    ...(irrelevant(...flatNames) as Record<never, never>), // beside a text_config
    image_token_id: tokenId.default(100_295),
    ...irrelevant("video_token_id", "vision_start_token_id", "vision_end_token_id"), // it reads no videos; the template's
    ...irrelevant("compression_ratio", "ignored_index", "max_sequence_length", "use_flash_attention"), // of its first code
    ...irrelevant("weight_share_add_bias", "attention_probs_dropout_prob", "hidden_dropout_prob"),
    tie_word_embeddings: z.boolean().default(true),
    vision_config: visionSchema.prefault({}),
    text_config: textSchema.prefault({}),
  }),
);
type Config = z.infer<typeof configSchema>;

/** What a config leaves out. */
const [visionTheta, textTheta, mropeSection] = [10_000, 500_000, [16, 24, 24]] as const;
/** Not in any config. */
const projectorEpsilon = 1e-5;

const model = "model.language_model";
const placesPerSide = ({ image_size: side, patch_size: patch }: Config["vision_config"]) => Math.floor(side / patch);

// ---------------------------------------------------------------------------------------------------------- vision

/** pixel_values [num_patches, 3·14·14], one image in merge order → visual_tokens [num_patches/4, H] */
function buildVision(builder: GraphBuilder, { vision_config: config, text_config: text }: Config): void {
  const { hidden_size: D, patch_size: p, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
  const tower = builder.root.at("model.visual.vision_model");
  const embeddings = tower.at("embeddings");
  const pixels = builder.input("pixel_values", "f32", [numPatches, 3 * p * p]);
  const rotary = axialRotary(builder, D / heads);
  const names = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(embeddings.at("patch_embedding"), pixels, [D, 3, p, p], names);
  const table = [placesPerSide(config) ** 2, D] as const;
  const places = interpolatedPlaces(builder, embeddings.at("position_embedding"), table);
  const rows = tower.reshape(embeddings.op("Add", [patches, places]), [1, -1, D]); // one sequence
  const encoded = towerBlocks(tower.at("encoder"), rows, config, { rotary });
  const features = nn.layerNorm(tower, "post_layernorm", encoded, epsilon);
  const tokens = nn.patchMerger(builder.root.at("model.projector"), features, {
    ...{ numMerged: 4, norm: "before", epsilon: projectorEpsilon, outFeatures: text.hidden_size },
    names: { norm: "pre_norm", up: "linear_1", down: "linear_2" },
  });
  builder.output("visual_tokens", tokens);
}

function visionInputs(
  { vision_config: config }: Config,
  { data, shape, grid }: PixelValues,
): Record<string, HostInput> {
  const places = mergeOrder(grid);
  const headDim = config.hidden_size / config.num_attention_heads;
  return {
    pixel_values: { dtype: "f32", shape, data },
    ...interpolationInputs(places, grid, placesPerSide(config), "centres"),
    ...axialRotaryInputs(places, headDim, ropeOf(config, visionTheta)),
  };
}

// ---------------------------------------------------------------------------------------------------------- family

/** The head is tied if either part says so; the reference takes a flat file's for tied, whatever it says. */
const isTied = ({ tie_word_embeddings: whole, text_config: text }: Config) => whole || text.tie_word_embeddings;

function buildDecoder(builder: GraphBuilder, config: Config): void {
  const { text_config: text } = config;
  const head = isTied(config) ? `${model}.embed_tokens` : "lm_head";
  const bias = text.use_bias ?? false;
  nn.buildDecoder(builder, text, { model, head, qkNorm: false, bias: { attention: bias, mlp: bias } });
}

export const paddleocrVl: ModelFamily<Config> = {
  kind: "language",
  modelType: "paddleocr_vl",
  about: {
    title: "PaddleOCR-VL",
    repositories: ["PaddlePaddle/PaddleOCR-VL"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, nested(json), "config.json");
    const { vision_config: vision, text_config: text } = config;
    const headDim = vision.hidden_size / vision.num_attention_heads;
    const sections = ropeOf(text, textTheta).mropeSection ?? mropeSection;
    checkSizes([
      [headDim % 4 === 0, "vision_config.num_attention_heads must leave a multiple of 4 columns each"],
      [(vision.head_dim ?? headDim) === headDim, "vision_config.head_dim must be what num_attention_heads leaves"],
      [
        sections.reduce((sum, count) => sum + count, 0) === text.head_dim / 2,
        "text_config.rope_parameters.mrope_section must add up to head_dim / 2",
      ],
      ...decoderRules(text, "text_config."),
    ]);
    return config;
  },
  dimensions: ({ text_config: text }) => decoderDimensions(text, text.eos_token_id, [2]),
  states: ({ text_config: text }) => nn.decoderStates(text),
  canonicalName: spelling({
    ...decoderRoots(model),
    visual: "model.visual",
    projector: "model.projector",
    mlp_AR: "model.projector",
  }),
  parts: partsOf(
    ["model.projector.", "connector"],
    ["model.visual.", "vision"],
    [`${model}.embed_tokens.`, "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  isAside: (name) => name.startsWith("model.visual.vision_model.head."),
  embedTokens: `${model}.embed_tokens.weight`,
  numDeepstack: () => 0,
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => buildDecoder(builder, config),
  }),
  image: {
    imageProcessor: ({ vision_config: vision }, processorConfig) =>
      smartResizeProcessor(processorConfig, {
        processor: "PaddleOCRVLImageProcessor",
        ...{ patchSize: vision.patch_size, mergeSize: vision.spatial_merge_size, temporalPatchSize: 1, absent: {} },
      }),
    tokenId: (config) => config.image_token_id,
    layout: (_, grid, placeholder) => plainLayout(placeholder, (grid.rows * grid.columns) / 4),
    inputs: visionInputs,
    extraOutputs: () => [],
  },
  positions: (_, ids, images) => promptPositions(ids, images),
  rotary: ({ text_config: text }, row) =>
    sectionedMropeAngles(row, text.head_dim, ropeOf(text, textTheta), mropeSection),
};
