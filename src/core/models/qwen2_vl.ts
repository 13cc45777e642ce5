/**
 * qwen2_vl: Qwen2-VL (2B, 7B, 72B) and its fine-tunes (olmOCR, readers of screens). A ViT at native resolution, whose merged patches
 * become visual tokens; Qwen2.5-VL shares its frame, and how images and videos reach the decoder.
 *
 *   patches ─ patch_embed ─ blocks (rotated by row and column) ─ merger ─→ visual_tokens → inputs_embeds
 *
 * Specification: docs/models/qwen2_vl.md. Reference: transformers modeling_qwen2_vl.py; fixtures in test/golden/qwen2_vl/.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type PixelValues, smartResizeProcessor, videoProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, layers, parseConfig, type SizeRule, size } from "./config.js";
import { type HostInput, type ImageSide, type ModelFamily, plainLayout } from "./family.js";
import { commonFields, irrelevant, only } from "./fields.js";
import { axialRotary, axialRotaryInputs, mergeOrder, numPatches, promptPositions } from "./merged-patches.js";
import { buildDecoder, nested, sharedFamily, textRules, type WholeConfig, wholeFields } from "./qwen2_vl_text.js";
import { ropeFields, ropeOf } from "./rope.js";

/** Of both families' vision parts. */
export const visionFields = {
  ...commonFields,
  ...ropeFields("axial", "default"),
  depth: layers.default(32),
  num_heads: size.default(16),
  head_dim: size.nullish(),
  in_channels: z.literal(3).default(3),
  patch_size: size.default(14),
  temporal_patch_size: z.literal(2).default(2),
  spatial_merge_size: z.literal(2).default(2),
  ...irrelevant("in_chans", "spatial_patch_size"), // of old files; the reference reads the two above
  num_attention_heads: only(), // to the reference another spelling of num_heads and depth
  num_hidden_layers: only(),
};

const visionSchema = z.object({
  ...visionFields,
  embed_dim: size.default(1280),
  hidden_size: size.default(3584), // of the decoder
  hidden_act: z.literal("quick_gelu").default("quick_gelu"),
  mlp_ratio: z.number().int().min(1).max(64).default(4), // published ones have 4
});

const configSchema = z.preprocess(nested, z.object({ ...wholeFields, vision_config: visionSchema.prefault({}) }));

type Config = z.infer<typeof configSchema>;

/** What a config leaves out: the base of the rotation. */
const visionTheta = 10_000;
/** Not in any config. */
const normEpsilon = 1e-6;

// --------------------------------------------------------------------------------------------------------- vision

/** What a vision encoder of either family is made of. */
export interface Tower {
  readonly depth: number;
  readonly width: number;
  readonly numHeads: number;
  readonly patchSize: number;
  readonly norm?: "rms";
  /** The feed-forward half. */
  readonly mlp: nn.EncoderBlock["mlp"];
  /** What the rows of block `n` see beside themselves. Absent: the whole image. */
  readonly visible?: (n: number) => nn.Windows | undefined;
  readonly outFeatures: number;
}

/** pixel_values [num_patches, 3·2·14·14], one image or pair of frames in merge order → visual_tokens [num_patches/4, H] */
export function buildTower(
  builder: GraphBuilder,
  { width: D, numHeads, patchSize: p, norm, mlp, ...tower }: Tower,
): void {
  const scope = builder.root.at("model.visual");
  const pixels = builder.input("pixel_values", "f32", [numPatches, 6 * p * p]);
  const rotary = axialRotary(builder, D / numHeads);
  const kind = norm && ({ norm } as const);
  const patches = nn.patchEmbedding(scope.at("patch_embed.proj"), pixels, [D, 3, 2, p, p], { weight: "weight" });
  let x = scope.reshape(patches, [1, -1, D]); // one sequence
  for (let n = 0; n < tower.depth; n++) {
    const visible = tower.visible?.(n);
    const attention = { at: "attn", qkv: ["qkv"], out: "attn.proj", numHeads, bias: true, rotary } as const;
    x = nn.encoderBlock(scope.at("blocks").at(n), x, {
      ...{ norms: ["norm1", "norm2"], ...kind, epsilon: normEpsilon, mlp },
      attention: { ...attention, ...(visible && { visible }) },
    });
  }
  const tokens = nn.patchMerger(scope.at("merger"), x, {
    ...{ numMerged: 4, norm: "before", epsilon: normEpsilon, outFeatures: tower.outFeatures },
    ...{ ...(norm && { kind: norm }), names: { norm: "ln_q", up: "mlp.0", down: "mlp.2" } },
  });
  builder.output("visual_tokens", tokens);
}

/** The parts of a vision config that both families spell alike. */
type VisionConfig = z.infer<z.ZodObject<typeof visionFields>>;

/** What its graph is fed of an image, windows aside. */
export function towerInputs(
  config: VisionConfig,
  width: number,
  { data, shape, grid }: PixelValues,
): Record<string, HostInput> {
  const rotary = axialRotaryInputs(mergeOrder(grid), width / config.num_heads, ropeOf(config, visionTheta));
  return { pixel_values: { dtype: "f32", shape, data }, ...rotary };
}

export function towerRules(config: VisionConfig, width: number): SizeRule[] {
  const { num_heads: heads, head_dim: headDim = null } = config;
  return [
    [
      width % heads === 0 && (width / heads) % 4 === 0,
      "vision_config.num_heads must leave a multiple of 4 columns each",
    ],
    [(headDim ?? width / heads) === width / heads, "vision_config.head_dim must be what num_heads leaves"],
  ];
}

// --------------------------------------------------------------------------------------------------------- family

type SidedConfig = WholeConfig & { readonly vision_config: VisionConfig };

const target = ({ vision_config: vision }: SidedConfig) => ({
  patchSize: vision.patch_size,
  mergeSize: vision.spatial_merge_size,
  temporalPatchSize: vision.temporal_patch_size,
  absent: {},
});

/** All pairs of a video stand where the template wrote one placeholder. */
export const sharedImage = {
  imageProcessor: (config, processorConfig) => smartResizeProcessor(processorConfig, target(config)),
  tokenId: (config) => config.image_token_id,
  layout: (_, grid, placeholder) => plainLayout(placeholder, (grid.rows * grid.columns) / 4),
  extraOutputs: () => [],
  video: {
    videoProcessor: (config, processorConfig) =>
      videoProcessor(processorConfig, { ...target(config), budgetOf: "frame" }),
    tokenId: (config) => config.video_token_id,
    placeholder: "<|video_pad|>",
    spread: (seconds) => "<|video_pad|>".repeat(seconds.length),
  },
} as const satisfies Omit<ImageSide<SidedConfig>, "inputs">;

function buildVision(builder: GraphBuilder, { vision_config: config }: Config): void {
  const { depth, embed_dim: width, num_heads: numHeads, patch_size: patchSize, hidden_act: activation } = config;
  const mlp = { at: "mlp", up: "fc1", down: "fc2", activation, width: width * config.mlp_ratio, bias: true };
  buildTower(builder, { depth, width, numHeads, patchSize, mlp, outFeatures: config.hidden_size });
}

export const qwen2Vl: ModelFamily<Config> = {
  ...sharedFamily,
  modelType: "qwen2_vl",
  about: {
    title: "Qwen2-VL and its fine-tunes",
    repositories: ["Qwen/Qwen2-VL-2B-Instruct", "Qwen/Qwen2-VL-7B-Instruct", "allenai/olmOCR-7B-0225-preview"],
    trainedFor: ["several_images", "boxes"],
    places: "thousandths",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, nested(json), "config.json");
    const { vision_config: vision, text_config: text } = config;
    checkSizes([
      ...towerRules(vision, vision.embed_dim),
      [vision.hidden_size === text.hidden_size, "vision_config.hidden_size must equal text_config.hidden_size"],
      ...textRules(config),
    ]);
    return config;
  },
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => buildDecoder(builder, config),
  }),
  image: {
    ...sharedImage,
    inputs: ({ vision_config: vision }, pixels) => towerInputs(vision, vision.embed_dim, pixels),
  },
  positions: (_, ids, images) => promptPositions(ids, images, ({ index }) => index),
};
