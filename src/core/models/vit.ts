/**
 * vit: a Vision Transformer that classifies pictures.
 *
 *   picture ─ patches ─ [class, patch…] + positions ─ blocks ─ layernorm ─ row 0 ─ classifier ─→ logits
 *
 * Specification: docs/models/vit.md. Sources: Dosovitskiy et al. 2020; transformers modeling_vit.py (names).
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { fixedSizeProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, size } from "./config.js";
import type { ClassifierFamily } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { labelFields, labelsOf } from "./labels.js";
import { partsOf, spelling } from "./names.js";
import { pixelInputs } from "./towers.js";

/** Files leave out what equals the reference's defaults (those of ViT-B/16), so these are part of the format. */
const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  hidden_size: size.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  head_dim: size.nullish(),
  intermediate_size: size.default(3072),
  hidden_act: z.enum(["gelu", "quick_gelu", "relu"]).default("gelu"),
  layer_norm_eps: epsilon.default(1e-12),
  image_size: size.default(224),
  patch_size: size.default(16),
  num_channels: z.literal(3).default(3),
  qkv_bias: z.boolean().default(true),
  ...labelFields,
  ...irrelevant("hidden_dropout_prob", "attention_probs_dropout_prob"), // training
  ...irrelevant("encoder_stride", "pooler_output_size", "pooler_act"), // of other heads
});
type Config = z.infer<typeof configSchema>;

/** pixel_values [num_patches, 3·patch²] of one picture → [1, D] */
function features(builder: GraphBuilder, config: Config): Value {
  const { hidden_size: D, layer_norm_eps: eps } = config;
  const tower = builder.root.at("vit");
  const pixels = builder.input("pixel_values", "f32", [numPatches(config), patchValues(config)]);
  let x = embedPatches(tower.at("embeddings"), pixels, config);
  const layers = tower.at("encoder.layer");
  for (let n = 0; n < config.num_hidden_layers; n++) x = nn.encoderBlock(layers.at(n), x, encoderBlock(config));
  const normed = nn.layerNorm(tower, "layernorm", x, eps);
  return tower.op("Gather", [tower.reshape(normed, [-1, D]), tower.int64([0])]);
}

/** → logits [1, labels] */
function build(builder: GraphBuilder, config: Config): void {
  const row = features(builder, config);
  builder.output("logits", nn.linear(builder.root, "classifier", row, labelsOf(config).length, { bias: true }));
}

/** The class row before the patches, a learned position for each. */
function embedPatches(scope: Scope, pixels: Value, config: Config): Value {
  const { hidden_size: D, patch_size: p } = config;
  const names = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(scope.at("patch_embeddings.projection"), pixels, [D, 3, p, p], names);
  const classRow = scope.reshape(scope.weight("cls_token", [1, 1, D]), [1, D]);
  const rows = scope.reshape(scope.op("Concat", [classRow, patches], { axis: 0 }), [1, -1, D]);
  return scope.op("Add", [rows, scope.weight("position_embeddings", [1, numPatches(config) + 1, D])]);
}

function encoderBlock(config: Config): nn.EncoderBlock {
  const { num_attention_heads: numHeads, qkv_bias: bias, intermediate_size: width, hidden_act: activation } = config;
  const qkv = ["query", "key", "value"] as const;
  return {
    norms: ["layernorm_before", "layernorm_after"],
    epsilon: config.layer_norm_eps,
    attention: { at: "attention.attention", qkv, out: "attention.output.dense", numHeads, bias },
    mlp: { up: "intermediate.dense", down: "output.dense", activation, width, bias: true },
  };
}

const numPatches = ({ image_size, patch_size }: Config): number => (image_size / patch_size) ** 2;
const patchValues = ({ patch_size }: Config): number => 3 * patch_size ** 2;

export const vit: ClassifierFamily<Config> = {
  kind: "classifier",
  modelType: "vit",
  about: {
    title: "Vision Transformer classifiers",
    repositories: ["google/vit-base-patch16-224", "Falconsai/nsfw_image_detection"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { hidden_size: D, num_attention_heads: heads, head_dim: headDim } = config;
    checkSizes([
      [config.image_size % config.patch_size === 0, "image_size must be a multiple of patch_size"],
      [D % heads === 0, "hidden_size must be a multiple of its heads"],
      [(headDim ?? D / heads) === D / heads, "head_dim must be hidden_size / num_attention_heads"],
      [labelsOf(config).length > 1, "a single label, which the reference scores by a sigmoid, is not supported"],
    ]);
    return config;
  },
  canonicalName: spelling({
    ...{ vit: "vit", classifier: "classifier" },
    ...{ embeddings: "vit.embeddings", encoder: "vit.encoder", layernorm: "vit.layernorm", pooler: "vit.pooler" }, // ViTModel's
  }),
  parts: partsOf(["classifier.", "head"], ["", "vision"]),
  classifier: {
    architecture: "ViTForImageClassification",
    features,
    tensorName: (name) => (name.startsWith("vit.") && !name.startsWith("vit.pooler.") ? name : undefined),
  },
  graphs: (config) => ({ vision: (builder) => build(builder, config) }),
  labels: labelsOf,
  inputs: pixelInputs,
  imageProcessor: ({ image_size: side, patch_size }, processorConfig) =>
    fixedSizeProcessor(processorConfig, {
      processors: ["ViTImageProcessor", "CLIPImageProcessor"],
      ...{ width: side, height: side, patchSize: patch_size },
      absent: { size: side },
    }),
};
