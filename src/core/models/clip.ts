/**
 * clip: two towers into one space. A picture and a text that belong together point the same way.
 *
 *   picture ─ patches ─ [class, patch…] + positions ─ pre_layrnorm ─ blocks ─ row 0 ─ post_layernorm ─ visual_projection ─→ image_embeds
 *   ids ─ token_embedding + positions ─ blocks, causal ─ final_layer_norm ─ row of <|endoftext|> ─ text_projection ─→ text_embeds
 *
 * Embeddings leave the graphs as they are; the caller that compares them divides their length out. Specification: docs/models/
 * clip.md. Sources: Radford et al. 2021; transformers modeling_clip.py (names, the misspelt pre_layrnorm, the end token).
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { fixedSizeProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, size, tokenId } from "./config.js";
import type { DualEncoderFamily } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { partsOf, spelling } from "./names.js";
import { pixelInputs, pooledText, towerBlocks } from "./towers.js";

/** Files leave out what equals the reference's defaults (those of ViT-B/32), so these are part of the format. */
const towerSchema = z.object({
  ...commonFields,
  ...irrelevant("attention_dropout", "dropout", "initializer_factor"), // training
  ...irrelevant("projection_dim"), // of a tower alone; both project to the one beside them
  num_hidden_layers: layers.default(12),
  hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
  layer_norm_eps: epsilon.default(1e-5),
});

const textSchema = towerSchema.extend({
  ...quantizationFields,
  vocab_size: size.default(49_408),
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  num_attention_heads: size.default(8),
  max_position_embeddings: size.default(77),
  eos_token_id: tokenId.default(49_407),
});

const visionSchema = towerSchema.extend({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_attention_heads: size.default(12),
  image_size: size.default(224),
  patch_size: size.default(32),
  num_channels: z.literal(3).default(3),
});

/** Files of 2022 hold each tower twice: where there is a …_dict, the reference takes it, its defaults included. */
const schema = z.object({
  ...commonFields,
  ...quantizationFields,
  projection_dim: size.default(512),
  text_config: textSchema.prefault({}),
  text_config_dict: textSchema.nullish(),
  vision_config: visionSchema.prefault({}),
  vision_config_dict: visionSchema.nullish(),
  ...irrelevant("logit_scale_init_value", "initializer_factor"), // training
});

const configSchema = schema.transform(({ text_config_dict, vision_config_dict, ...config }) => ({
  ...config,
  text_config: text_config_dict ?? config.text_config,
  vision_config: vision_config_dict ?? config.vision_config,
}));

type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

/** pixel_values [num_patches, 3·patch²] of one picture → image_embeds [1, projection_dim] */
function buildVision(builder: GraphBuilder, { vision_config: config, projection_dim }: Config): void {
  const tower = builder.root.at("vision_model");
  const first = tower.op("Gather", [imageRows(builder, config), tower.int64([0])]);
  const pooled = nn.layerNorm(tower, "post_layernorm", first, config.layer_norm_eps);
  builder.output("image_embeds", nn.linear(builder.root, "visual_projection", pooled, projection_dim));
}

/** What the last block gives of the class row and the patches. → [1 + num_patches, D] */
function imageRows(builder: GraphBuilder, config: VisionConfig): Value {
  const tower = builder.root.at("vision_model");
  const { hidden_size: D, layer_norm_eps: eps } = config;
  const pixels = builder.input("pixel_values", "f32", [numPatches(config), patchValues(config)]);
  const x = nn.layerNorm(tower, "pre_layrnorm", embedPatches(tower.at("embeddings"), pixels, config), eps);
  return tower.reshape(towerBlocks(tower.at("encoder"), x, config), [-1, D]);
}

/** The mean over the patches, without a norm. → [1, D] */
function features(builder: GraphBuilder, { vision_config: config }: Config): Value {
  return nn.meanOfRows(builder.root, imageRows(builder, config), { from: 1 });
}

/** The class row before the patches, whose convolution has no bias; a learned position for each. */
function embedPatches(scope: Scope, pixels: Value, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const patches = nn.patchEmbedding(scope, pixels, [D, 3, p, p], { weight: "patch_embedding.weight" });
  const classRow = scope.reshape(scope.weight("class_embedding", [D]), [1, D]);
  const rows = scope.op("Concat", [classRow, patches], { axis: 0 });
  const positions = scope.weight("position_embedding.weight", [numPatches(config) + 1, D]);
  return scope.reshape(scope.op("Add", [rows, positions]), [1, -1, D]);
}

/** As `pooledText` reads it → text_embeds [1, projection_dim], log_scale [1] */
function buildText(builder: GraphBuilder, { text_config: config, projection_dim }: Config): void {
  const pooled = pooledText(builder, config, "before");
  builder.output("text_embeds", nn.linear(builder.root, "text_projection", pooled, projection_dim));
  builder.output("log_scale", builder.root.reshape(builder.root.weight("logit_scale", []), [1]));
}

const numPatches = ({ image_size, patch_size }: VisionConfig): number => (image_size / patch_size) ** 2;
const patchValues = ({ patch_size }: VisionConfig): number => 3 * patch_size ** 2;

/** What configs written before the end token was recorded rightly say; the reference then takes the highest id. */
const forgottenEos = 2;

export const clip: DualEncoderFamily<Config> = {
  kind: "dual_encoder",
  modelType: "clip",
  classifier: {
    architecture: "CLIPForImageClassification",
    features,
    tensorName: (name) => (name.startsWith("vision_model.") ? name : undefined),
  },
  about: { title: "CLIP", repositories: ["openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"] },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { text_config: text, vision_config: vision } = config;
    checkSizes([
      [vision.image_size % vision.patch_size === 0, "vision_config.image_size must be a multiple of patch_size"],
      [text.hidden_size % text.num_attention_heads === 0, "text_config.hidden_size must be a multiple of its heads"],
      [
        vision.hidden_size % vision.num_attention_heads === 0,
        "vision_config.hidden_size must be a multiple of its heads",
      ],
    ]);
    return config;
  },
  canonicalName: spelling({
    ...{ vision_model: "vision_model", text_model: "text_model", logit_scale: "logit_scale" },
    ...{ visual_projection: "visual_projection", text_projection: "text_projection" },
  }),
  parts: partsOf(
    ["vision_model.", "vision"],
    ["text_model.embeddings.", "embedding"],
    ["text_model.", "text"],
    ["", "connector"],
  ),
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    text: (builder) => buildText(builder, config),
  }),
  imageProcessor: ({ vision_config: { image_size: side, patch_size } }, processorConfig) =>
    fixedSizeProcessor(processorConfig, {
      processors: ["CLIPImageProcessor", "ViTImageProcessor"],
      ...{ width: side, height: side, patchSize: patch_size },
      absent: { size: side, crop_size: side },
    }),
  inputs: pixelInputs,
  maxTextLength: ({ text_config }) => text_config.max_position_embeddings,
  textRow({ text_config: { eos_token_id: eos } }, ids) {
    return { ids, pooledIndex: ids.indexOf(eos === forgottenEos ? Math.max(...ids) : eos) };
  },
  probabilities: "softmax",
  labelTemplate: "a photo of a {}.",
};
