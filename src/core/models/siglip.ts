/**
 * siglip: two towers into one space, trained so that each pair of image and text is judged by itself: the probability that
 * they belong together is a sigmoid of scale · cosine + bias.
 *
 *   image ─ patches + positions ─ blocks ─ post_layernorm ─ one learned query attends to all rows ─→ image_embeds
 *   ids, filled up to 64 ─ token_embedding + positions ─ blocks, all visible ─ final_layer_norm ─ last row ─ head ─→ text_embeds
 *
 * Also of the SigLIP 2 checkpoints of fixed size, whose model_type is the same. Specification: docs/models/siglip.md. Sources:
 * Zhai et al. 2023; Tschannen et al. 2025; transformers modeling_siglip.py (names).
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { fixedSizeProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import type { DualEncoderFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { partsOf, spelling } from "./names.js";
import { pixelInputs, pooledText, type TowerConfig, towerBlocks } from "./towers.js";

/** Files leave out what equals the reference's defaults (those of ViT-B/16), so these are part of the format. */
export const towerFields = {
  ...commonFields,
  ...irrelevant("attention_dropout", "dropout"), // training
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  hidden_act: z.enum(["gelu_pytorch_tanh", "gelu", "quick_gelu"]).default("gelu_pytorch_tanh"),
  layer_norm_eps: epsilon.default(1e-6),
};

export const textSchema = z.object({
  ...towerFields,
  ...quantizationFields,
  ...irrelevant("eos_token_id"), // the last row is pooled, whatever it is
  vocab_size: size.default(32_000),
  max_position_embeddings: size.default(64),
  projection_size: size.nullish(),
  pad_token_id: tokenId.nullable().default(1),
});

/** Of the image tower, whatever sees its rows. */
export const vitFields = {
  ...towerFields,
  image_size: size.default(224),
  patch_size: size.default(16),
  num_channels: z.literal(3).default(3),
};

const visionSchema = z.object({ ...vitFields, vision_use_head: only(true) });

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  ...irrelevant("initializer_factor"), // training
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
});
type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

/** pixel_values [num_patches, 3·patch²] of one image → image_embeds [1, D] */
function buildVision(builder: GraphBuilder, { vision_config: config }: Config): void {
  const tower = builder.root.at("vision_model");
  builder.output("image_embeds", pooledImage(tower, embeddedPatches(builder, config), config));
}

function embeddedPatches(builder: GraphBuilder, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p } = config;
  const tower = builder.root.at("vision_model");
  const pixels = builder.input("pixel_values", "f32", [numPatches(config), patchValues(config)]);
  const embeddings = tower.at("embeddings");
  const names = { weight: "patch_embedding.weight", bias: "patch_embedding.bias" };
  const patches = nn.patchEmbedding(embeddings, pixels, [D, 3, p, p], names);
  const positions = embeddings.weight("position_embedding.weight", [numPatches(config), D]);
  return embeddings.op("Add", [patches, positions]);
}

type ImageTower = TowerConfig & { readonly hidden_size: number };

/** What follows the patches, with their positions. rows [sequence, D] → [1, D] */
export function pooledImage(tower: Scope, rows: Value, config: ImageTower): Value {
  const { num_attention_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  const options = { numHeads, epsilon: config.layer_norm_eps, activation, width };
  return nn.attentionPooling(tower.at("head"), normedRows(tower, rows, config), options);
}

/** → [1, sequence, D] */
function normedRows(tower: Scope, rows: Value, config: ImageTower): Value {
  const encoded = towerBlocks(tower.at("encoder"), tower.reshape(rows, [1, -1, config.hidden_size]), config);
  return nn.layerNorm(tower, "post_layernorm", encoded, config.layer_norm_eps);
}

/** As `pooledImage`, but the mean over the patches: the pooling head is not asked. */
export function meanImage(tower: Scope, rows: Value, config: ImageTower): Value {
  return nn.meanOfRows(tower, tower.reshape(normedRows(tower, rows, config), [-1, config.hidden_size]));
}

/** Of either family: the class of transformers has its image tower, pooling head and all. */
export function imageTensor(name: string): string | undefined {
  return name.startsWith("vision_model.") ? name : undefined;
}

/** Of either family's config. */
interface TextSide {
  readonly text_config: z.infer<typeof textSchema>;
  readonly vision_config: { readonly hidden_size: number; readonly num_attention_heads: number };
}

/** As `pooledText` reads it → text_embeds [1, D], log_scale [1], bias [1] */
export function buildText(builder: GraphBuilder, { text_config: config, vision_config }: TextSide): void {
  const head = builder.root.at("text_model");
  const pooled = pooledText(builder, config);
  builder.output("text_embeds", nn.linear(head, "head", pooled, vision_config.hidden_size, { bias: true }));
  const given = (name: string) => builder.root.reshape(builder.root.weight(name, [1]), [1]); // an output needs a node
  builder.output("log_scale", given("logit_scale"));
  builder.output("bias", given("logit_bias"));
}

const numPatches = ({ image_size, patch_size }: VisionConfig): number => Math.floor(image_size / patch_size) ** 2;
const patchValues = ({ patch_size }: VisionConfig): number => 3 * patch_size ** 2;

export function towerRules({ text_config: text, vision_config: vision }: TextSide): SizeRule[] {
  return [
    [text.hidden_size % text.num_attention_heads === 0, "text_config.hidden_size must be a multiple of its heads"],
    [
      vision.hidden_size % vision.num_attention_heads === 0,
      "vision_config.hidden_size must be a multiple of its heads",
    ],
    [
      (text.projection_size ?? text.hidden_size) === vision.hidden_size,
      "text_config.projection_size must be vision_config.hidden_size: the towers meet in one space",
    ],
  ];
}

/** What does not depend on how images are seen. */
export const sharedSiglip = {
  kind: "dual_encoder",
  canonicalName: spelling({
    ...{ vision_model: "vision_model", text_model: "text_model" },
    ...{ logit_scale: "logit_scale", logit_bias: "logit_bias" },
  }),
  parts: partsOf(
    ["vision_model.head.", "connector"],
    ["vision_model.", "vision"],
    ["text_model.embeddings.", "embedding"],
    ["text_model.head.", "connector"],
    ["text_model.", "text"],
    ["", "connector"],
  ),
  maxTextLength: ({ text_config }) => text_config.max_position_embeddings,
  /** The model has never read a text that was not filled up, and nothing hides the padding from it. */
  textRow({ text_config: { max_position_embeddings: length, pad_token_id } }, ids, { id = pad_token_id ?? 0, side }) {
    const padding = new Array<number>(Math.max(0, length - ids.length)).fill(id);
    return { ids: side === "left" ? [...padding, ...ids] : [...ids, ...padding], pooledIndex: length - 1 };
  },
  probabilities: "sigmoid",
  labelTemplate: "This is a photo of {}.",
} as const satisfies Partial<DualEncoderFamily<TextSide>>;

export const siglip: DualEncoderFamily<Config> = {
  ...sharedSiglip,
  modelType: "siglip",
  classifier: {
    architecture: "SiglipForImageClassification",
    features: (builder, { vision_config: config }) =>
      meanImage(builder.root.at("vision_model"), embeddedPatches(builder, config), config),
    tensorName: imageTensor,
  },
  about: {
    title: "SigLIP, and SigLIP 2 of fixed size",
    repositories: ["google/siglip-base-patch16-224", "google/siglip2-base-patch16-224"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { image_size: side, patch_size: patch } = config.vision_config;
    const wholePatches = "vision_config.image_size must be a multiple of patch_size";
    checkSizes([[side % patch === 0, wholePatches], ...towerRules(config)]);
    return config;
  },
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    text: (builder) => buildText(builder, config),
  }),
  imageProcessor: ({ vision_config: { image_size: side, patch_size } }, processorConfig) =>
    fixedSizeProcessor(processorConfig, {
      processors: ["SiglipImageProcessor", "ViTImageProcessor", "CLIPImageProcessor"],
      ...{ width: side, height: side, patchSize: patch_size },
      absent: { size: { width: side, height: side } },
    }),
  inputs: pixelInputs,
};
