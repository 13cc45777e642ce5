/**
 * minicpmv4_6 and minicpm_ocr: MiniCPM-V 4.6 and MiniCPM-OCR. A SigLIP encoder of any size sees an overview of an image and slices of
 * it, merges blocks of rows in its middle ("16x") or not ("4x") and once more behind it; the decoder is Qwen3.5's.
 *
 *   views ─ patches + places ─ blocks ─ window merger ─ blocks ─ post_layernorm ─ merger ─→ visual_tokens → inputs_embeds
 *
 * Specification: docs/models/minicpmv4_6.md. Reference: transformers modeling_minicpmv4_6.py, processing_minicpmv4_6.py; fixtures in
 * test/golden/minicpmv4_6/.
 */
import { z } from "zod";
import type { GraphBuilder, Value } from "../graph/index.js";
import { type ImageGrid, type PixelValues, slicesProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { bucketedPlaces } from "./bucketed-places.js";
import { checkSizes, parseConfig, type SizeRule, tokenId } from "./config.js";
import { decoderDimensions, eosSchema } from "./decoder-config.js";
import { type AboutFamily, type HostInput, indexPositions, type ModelFamily, mixedLayout } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { mergeOrder } from "./merged-patches.js";
import { imageId, slicedParts } from "./minicpmv.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import {
  decoderStates,
  decoderVariant,
  keepsEightBits,
  rotary,
  textRules,
  textSchema,
  usualEos,
} from "./qwen3_5_text.js";
import { vitFields } from "./siglip.js";
import { towerAttention, towerBlocks } from "./towers.js";

const downsampling = z.enum(["16x", "4x"]);
const visionSchema = z.object({
  ...vitFields,
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"), // the window merger has it whatever this says
  window_kernel_size: only([2, 2]),
  ...irrelevant("insert_layer_id"), // the outer one overrides it
});

const configFields = {
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.nullish(), // a model without one sees no images: a rule refuses it
  insert_layer_id: z.number().int().min(0).default(6),
  downsample_mode: downsampling.default("16x"),
  merge_kernel_size: only([2, 2]),
  merger_times: only(1),
  eos_token_id: eosSchema,
  tie_word_embeddings: z.boolean().default(false),
  vision_config: visionSchema.prefault({}),
  text_config: textSchema.prefault({}),
  ...irrelevant("video_token_id"), // of videos, which are not read here
  ...irrelevant("image_size", "patch_size", "drop_vision_last_layer"), // which the reference does not read
};
const configSchema = z.object(configFields);
type Config = z.infer<typeof configSchema>;

// ---------------------------------------------------------------------------------------------------------- vision

/** How often blocks of 2 × 2 rows become one. */
const timesMerged = ({ downsample_mode: mode }: Config): number => (mode === "16x" ? 2 : 1);
/** Of the merger behind the encoder; not in any config. */
const mergerEpsilon = 1e-6;

/** Places on a side of the encoder's table. */
const placesPerSide = ({ image_size: side, patch_size: patch }: Config["vision_config"]) => Math.floor(side / patch);

/**
 * pixel_values [num_images, patches, 3·patch²], views of one shape, their patches in the order in which they are merged
 * → visual_tokens [num_images · tokens, H]
 */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { vision_config: vision, insert_layer_id: insertAt } = config;
  const { hidden_size: D, patch_size: p } = vision;
  const [scope, times] = [builder.root.at("model.vision_tower"), timesMerged(config)];
  const numPatches = `${4 ** times}*num_tokens`;
  const embeddings = scope.at("embeddings");
  const pixels = builder.input("pixel_values", "f32", ["num_images", numPatches, 3 * p * p]);
  const kernel = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(embeddings.at("patch_embedding"), pixels, [D, 3, p, p], kernel);
  const table = embeddings.weight("position_embedding.weight", [placesPerSide(vision) ** 2, D]);
  const places = embeddings.op("Gather", [table, builder.input("place_ids", "i64", [numPatches])]);
  const merge = (n: number, rows: Value) =>
    times > 1 && n === insertAt ? nn.windowMerger(scope.at("vit_merger"), rows, windowMerger(vision)) : rows;
  const x = embeddings.op("Add", [patches, places]);
  const encoded = towerBlocks(scope.at("encoder"), x, vision, { behind: merge });
  const features = nn.layerNorm(scope, "post_layernorm", encoded, vision.layer_norm_eps);
  const names = { norm: "pre_norm", up: "linear_1", down: "linear_2" };
  const outFeatures = config.text_config.hidden_size;
  const merger = { names, norm: "after", numMerged: 4, epsilon: mergerEpsilon, outFeatures } as const;
  builder.output("visual_tokens", nn.patchMerger(builder.root.at("model.merger.mlp.0"), features, merger));
}

function windowMerger(vision: Config["vision_config"]) {
  const { intermediate_size: width, layer_norm_eps: epsilon } = vision;
  return { attention: towerAttention(vision), activation: "gelu_pytorch_tanh", width: 4 * width, epsilon } as const;
}

/** One batch of views: their patches, and the places of one view, in merge order. */
function visionInputs(config: Config, { data, shape: [count, width], grid }: PixelValues): Record<string, HostInput> {
  const order = mergeOrder(grid, timesMerged(config)).map(({ row, column }) => row * grid.columns + column);
  const places = bucketedPlaces(grid, placesPerSide(config.vision_config));
  const rows = new Float32Array(data.length);
  for (let first = 0; first * width < data.length; first += order.length)
    for (const [i, patch] of order.entries()) {
      const from = (first + patch) * width;
      rows.set(data.subarray(from, from + width), (first + i) * width);
    }
  return {
    pixel_values: { dtype: "f32", shape: [count / order.length, order.length, width], data: rows },
    place_ids: { dtype: "i64", shape: [order.length], data: order.map((patch) => places[patch]!) },
  };
}

// ---------------------------------------------------------------------------------------------------------- family

/** As in MiniCPM-V 2.6, but the views have tokens by their sizes. [processing_minicpmv4_6.py] */
function layoutParts(config: Config, grid: ImageGrid, index: number): (string | number)[] {
  return slicedParts(imageId(index), grid, ({ rows, columns }) => (rows * columns) / 4 ** timesMerged(config));
}

function sizeRules({ vision_config: vision, text_config: text, ...config }: Config): SizeRule[] {
  const { hidden_size: width, num_attention_heads: heads, num_hidden_layers: layers } = vision;
  return [
    [config.image_token_id != null, "image_token_id must be the id of the image placeholder"],
    [width % heads === 0, "vision_config.hidden_size must be a multiple of num_attention_heads"],
    [vision.image_size >= vision.patch_size, "vision_config.image_size must be at least patch_size"],
    [
      config.downsample_mode === "4x" || config.insert_layer_id < layers,
      "insert_layer_id must be below vision_config.num_hidden_layers",
    ],
    ...textRules(text, "text_config."),
  ];
}

const languageModel = "model.language_model";

interface Kind {
  readonly modelType: string;
  readonly about: AboutFamily;
  readonly processor: "MiniCPMV4_6ImageProcessor" | "MiniCPMOcrImageProcessor";
  readonly schema: z.ZodType<Config>;
}

function familyOf({ modelType, about, processor, schema }: Kind): ModelFamily<Config> {
  return {
    kind: "language",
    modelType,
    about,
    configSchema: schema,
    parseConfig(json) {
      const config = parseConfig(schema, json, "config.json");
      checkSizes(sizeRules(config));
      return config;
    },
    dimensions: ({ text_config: text, eos_token_id: eos }) =>
      decoderDimensions(text, eos ?? text.eos_token_id, usualEos),
    states: ({ text_config: text }) => decoderStates(text),
    canonicalName: spelling({
      ...decoderRoots(languageModel),
      ...{ vision_tower: "model.vision_tower", merger: "model.merger" },
    }),
    parts: partsOf(
      ["model.vision_tower.", "vision"],
      ["model.merger.", "connector"],
      [`${languageModel}.embed_tokens.`, "embedding"],
      ["lm_head.", "head"],
      ["", "decoder"],
    ),
    isAside: (name) => name.startsWith("mtp.") || name.startsWith("model.vision_tower.vit_merger."), // unless "16x"
    keepsEightBits,
    embedTokens: `${languageModel}.embed_tokens.weight`,
    graphs: (config) => ({
      vision: (builder) => buildVision(builder, config),
      decoder: (builder) =>
        nn.buildDecoder(
          builder,
          config.text_config,
          decoderVariant(config.text_config, languageModel, config.tie_word_embeddings),
        ),
    }),
    image: {
      imageProcessor: ({ vision_config: { patch_size: patchSize }, ...config }, processorConfig) =>
        slicesProcessor(processorConfig, {
          ...{ processors: [processor], patchSize, hasImageIds: true, downsampling: config.downsample_mode },
          ...{ sideMultiple: patchSize * (config.downsample_mode === "16x" ? 4 : 2) },
          absent: { downsample_mode: config.downsample_mode, patch_size: patchSize },
        }),
      tokenId: (config) => config.image_token_id!,
      layout: (config, grid, placeholder, encode, index) =>
        mixedLayout(layoutParts(config, grid, index), placeholder, encode),
      inputs: visionInputs,
      extraOutputs: () => [],
    },
    numDeepstack: () => 0,
    positions: () => indexPositions,
    rotary: ({ text_config: text }, row) => rotary(text, row),
  };
}

export const minicpmv46 = familyOf({
  modelType: "minicpmv4_6",
  about: {
    title: "MiniCPM-V 4.6",
    repositories: ["openbmb/MiniCPM-V-4.6"],
    trainedFor: ["several_images", "thinking"],
    places: "thousandths",
  },
  processor: "MiniCPMV4_6ImageProcessor",
  schema: configSchema,
});

export const minicpmOcr = familyOf({
  modelType: "minicpm_ocr",
  about: { title: "MiniCPM-OCR", repositories: ["openbmb/MiniCPM-OCR-1.0"] },
  processor: "MiniCPMOcrImageProcessor",
  schema: z.object({
    ...configFields,
    downsample_mode: downsampling.default("4x"),
    tie_word_embeddings: z.boolean().default(true),
  }),
});
