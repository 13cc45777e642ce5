/**
 * siglip2: the SigLIP 2 checkpoints of free size (NaFlex). The towers, the pooling head and the text side are SigLIP's; an image
 * keeps its aspect and becomes up to so many patches, between whose rows and columns the learned grid of positions is resized.
 * Those of fixed size have the model_type siglip.
 *
 *   patches · kernel + resized positions ─ blocks ─ post_layernorm ─ one learned query attends to all rows ─→ image_embeds
 *
 * Specification: docs/models/siglip2.md. Reference: transformers modeling_siglip2.py; fixtures in test/golden/siglip2/.
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import { type ImageGrid, patchBudgetProcessor } from "../image/spec/index.js";
import { checkSizes, parseConfig, size } from "./config.js";
import type { DualEncoderFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import * as text from "./siglip.js";

const visionSchema = z.object({
  ...text.towerFields,
  num_patches: size.default(256), // of the learned grid, a square
  patch_size: size.default(16),
  num_channels: z.literal(3).default(3),
  vision_use_head: only(true),
});

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  ...irrelevant("initializer_factor"), // training
  text_config: text.textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
});
type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

/** pixel_values [num_patches, 3·patch²] of one image, position_weights [num_patches, positions] → image_embeds [1, D] */
function buildVision(builder: GraphBuilder, { vision_config: config }: Config): void {
  const tower = builder.root.at("vision_model");
  builder.output("image_embeds", text.pooledImage(tower, embeddedPatches(builder, config), config));
}

function embeddedPatches(builder: GraphBuilder, config: VisionConfig): Value {
  const { hidden_size: D, patch_size: p, num_patches: numPositions } = config;
  const tower = builder.root.at("vision_model");
  const pixels = builder.input("pixel_values", "f32", ["num_patches", 3 * p * p]);
  const weights = builder.input("position_weights", "f32", ["num_patches", numPositions]);
  const embeddings = tower.at("embeddings");
  const patches = embedPatches(embeddings.at("patch_embedding"), pixels, [D, p]);
  const positions = embeddings.op("FusedMatMul", [
    weights,
    embeddings.weight("position_embedding.weight", [numPositions, D]),
  ]);
  return embeddings.op("Add", [patches, positions]);
}

/** The kernel reads a patch's values as y, x, channel; rows of pixels come as channel, y, x. */
function embedPatches(scope: Scope, pixels: Value, [D, p]: readonly [number, number]): Value {
  const stored = scope.reshape(scope.weight("weight", [D, 3 * p * p]), [D, p, p, 3]);
  const kernel = scope.reshape(scope.op("Transpose", [stored], { perm: [0, 3, 1, 2] }), [D, 3 * p * p]);
  return scope.op("Add", [scope.op("FusedMatMul", [pixels, kernel], { transB: 1 }), scope.weight("bias", [D])]);
}

/** How much of each of `from` positions along an axis each of `to` places takes: bilinear, smoothed where there are fewer of them. */
function resizeWeights(from: number, to: number): Float64Array[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * scale - 0.5;
    const weights = Float64Array.from({ length: from }, (_, i) =>
      Math.max(0, 1 - Math.abs(i - center) / Math.max(1, scale)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  });
}

/** Of every patch in raster order, over the grid of learned positions in raster order. */
function positionWeights({ rows, columns }: ImageGrid, { num_patches: numPositions }: VisionConfig): Float32Array {
  const side = Math.sqrt(numPositions);
  const [ofRows, ofColumns] = [resizeWeights(side, rows), resizeWeights(side, columns)];
  return Float32Array.from({ length: rows * columns * numPositions }, (_, i) => {
    const [patch, position] = [Math.floor(i / numPositions), i % numPositions];
    const row = ofRows[Math.floor(patch / columns)]!;
    return row[Math.floor(position / side)]! * ofColumns[patch % columns]![position % side]!;
  });
}

export const siglip2: DualEncoderFamily<Config> = {
  ...text.sharedSiglip,
  modelType: "siglip2",
  classifier: {
    architecture: "Siglip2ForImageClassification",
    features: (builder, { vision_config: config }) =>
      text.meanImage(builder.root.at("vision_model"), embeddedPatches(builder, config), config),
    tensorName: text.imageTensor,
  },
  about: {
    title: "SigLIP 2 of free size (NaFlex)",
    repositories: ["google/siglip2-base-patch16-naflex", "google/siglip2-so400m-patch16-naflex"],
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const isSquare = Number.isInteger(Math.sqrt(config.vision_config.num_patches));
    checkSizes([[isSquare, "vision_config.num_patches must be a square number"], ...text.towerRules(config)]);
    return config;
  },
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    text: (builder) => text.buildText(builder, config),
  }),
  imageProcessor: ({ vision_config: { patch_size: patchSize } }, processorConfig) =>
    patchBudgetProcessor(processorConfig, { patchSize }),
  inputs: ({ vision_config: vision }, { data, shape, grid }) => ({
    pixel_values: { dtype: "f32", shape, data },
    position_weights: {
      dtype: "f32",
      shape: [grid.rows * grid.columns, vision.num_patches],
      data: positionWeights(grid, vision),
    },
  }),
  lowercasesText: true,
};
