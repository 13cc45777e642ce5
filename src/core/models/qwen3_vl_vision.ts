/**
 * The vision encoder of Qwen3-VL and Qwen3.5: a ViT at native resolution whose merged patches become visual tokens; Qwen3-VL's
 * inner blocks reach the decoder too (DeepStack). With it how images and videos reach the decoder.
 *
 *   patches ─ patch_embed + positions ─ blocks ─ merger ─→ visual_tokens
 *
 * Specification: docs/models/qwen3_vl.md. Reference: transformers modeling_qwen3_vl.py, modeling_qwen3_5.py.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type PixelValues, smartResizeProcessor, videoProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { layers, type SizeRule, size } from "./config.js";
import { type HostInput, type ImageSide, plainLayout, type VideoSide } from "./family.js";
import { commonFields, only } from "./fields.js";
import { interpolatedPlaces, interpolationInputs } from "./interpolated-places.js";
import { axialRotary, axialRotaryInputs, mergeOrder, numPatches } from "./merged-patches.js";
import { ropeFields, ropeOf } from "./rope.js";

/** Without what says which blocks reach the decoder. */
export const visionFields = {
  ...commonFields,
  ...ropeFields("axial", "default"),
  depth: layers.default(27),
  hidden_size: size.default(1152),
  intermediate_size: size.default(4304),
  num_heads: size.default(16),
  head_dim: size.nullish(),
  in_channels: z.literal(3).default(3),
  patch_size: size.default(16),
  temporal_patch_size: z.literal(2).default(2),
  spatial_merge_size: z.literal(2).default(2),
  out_hidden_size: size.default(3584),
  num_position_embeddings: size.default(2304),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
  num_attention_heads: only(), // to the reference another spelling of num_heads and depth
  num_hidden_layers: only(),
};

const visionSchema = z.object(visionFields);
type VisionConfig = z.infer<typeof visionSchema>;

/** What of a whole config says how images reach the decoder. */
interface ImageConfig {
  readonly vision_config: VisionConfig;
  readonly image_token_id: number;
  readonly video_token_id: number;
}

/** Not in any config. */
const normEpsilon = 1e-6;
/** What a config leaves out: the base of the rotation. */
const visionTheta = 10_000;

/** @param hiddenSize the decoder's. */
export function visionRules(config: VisionConfig, hiddenSize: number): SizeRule[] {
  const { hidden_size: width, num_heads: heads, head_dim: headDim, out_hidden_size: out } = config;
  const side = Math.sqrt(config.num_position_embeddings);
  return [
    [Number.isInteger(side), "vision_config.num_position_embeddings must be a square"],
    [width % heads === 0 && (width / heads) % 4 === 0, "vision_config.hidden_size / num_heads must be a multiple of 4"],
    [(headDim ?? width / heads) === width / heads, "vision_config.head_dim must be hidden_size / num_heads"],
    [out === hiddenSize, "vision_config.out_hidden_size must equal text_config.hidden_size"],
  ];
}

// ----------------------------------------------------------------------------------------------------------- graph

/** A block whose output reaches the decoder, and its merger's place in the list. */
export interface DeepstackTap {
  readonly layer: number;
  readonly merger: number;
}

/** One picture, or one pair of a video's frames. pixel_values [num_patches, 3·2·16·16], 2×2 merge blocks in raster order → visual_tokens [num_patches/4, H] */
export function buildVision(builder: GraphBuilder, config: VisionConfig, taps: readonly DeepstackTap[] = []): void {
  const scope = builder.root.at("model.visual");
  const pixels = builder.input("pixel_values", "f32", [numPatches, patchValues(config)]);
  const rotary = axialRotary(builder, config.hidden_size / config.num_heads);
  const { hidden_size: D, patch_size: p } = config;
  const names = { weight: "weight", bias: "bias" };
  const embedded = nn.patchEmbedding(scope.at("patch_embed.proj"), pixels, [D, 3, 2, p, p], names);
  const table = [config.num_position_embeddings, D] as const;
  const patches = scope.op("Add", [embedded, interpolatedPlaces(builder, scope.at("pos_embed"), table)]);
  let x = scope.reshape(patches, [1, -1, D]); // one sequence: an image attends only to itself
  for (let n = 0; n < config.depth; n++) {
    x = nn.encoderBlock(scope.at("blocks").at(n), x, visionBlock(config, rotary));
    const order = taps.findIndex(({ layer }) => layer === n);
    if (order < 0) continue;
    const own = scope.at("deepstack_merger_list").at(taps[order]!.merger);
    builder.output(`deepstack.${order}`, nn.patchMerger(own, x, merger(config, "after")));
  }
  builder.output("visual_tokens", nn.patchMerger(scope.at("merger"), x, merger(config, "before")));
}

/** Full attention and the tanh GELU, biases everywhere. */
function visionBlock(config: VisionConfig, rotary: nn.Rotary): nn.EncoderBlock {
  const { num_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  return {
    norms: ["norm1", "norm2"],
    epsilon: normEpsilon,
    attention: { at: "attn", qkv: ["qkv"], out: "attn.proj", numHeads, bias: true, rotary },
    mlp: { at: "mlp", up: "linear_fc1", down: "linear_fc2", activation, width, bias: true },
  };
}

/** Four neighbouring patches into one token. The main merger normalises each patch, DeepStack's the merged four. */
function merger({ out_hidden_size: outFeatures }: VisionConfig, norm: "before" | "after") {
  return { numMerged: 4, norm, epsilon: normEpsilon, outFeatures };
}

// ------------------------------------------------------------------------------------------- what the host computes

function patchValues({ patch_size: p }: VisionConfig): number {
  return 3 * 2 * p * p;
}

function visionInputs(config: VisionConfig, { data, shape, grid }: PixelValues): Record<string, HostInput> {
  const places = mergeOrder(grid);
  const headDim = config.hidden_size / config.num_heads;
  return {
    pixel_values: { dtype: "f32", shape, data },
    ...interpolationInputs(places, grid, Math.sqrt(config.num_position_embeddings), "ends"),
    ...axialRotaryInputs(places, headDim, ropeOf(config, visionTheta)),
  };
}

// --------------------------------------------------------------------------------------------- images and videos

/** Python's `:.1f`, whose ties go to the even digit where toFixed goes up: pairs at 2 frames a second stand at 0.25, 0.75 … */
function oneDecimal(seconds: number): string {
  const isTie = (4 * seconds) % 2 === 1; // a quarter or three: the only ties that a binary fraction can make
  const down = Math.floor(10 * seconds);
  return (isTie ? (down + (down % 2)) / 10 : seconds).toFixed(1);
}

/** Of the published checkpoints; the reference's class, which stands in for what a file leaves out, has other values. */
const published = {
  ...{ size: { shortest_edge: 256 * 256, longest_edge: 4096 * 4096 } },
  ...{ image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
};

const patchesOf = (vision: VisionConfig) => ({
  patchSize: vision.patch_size,
  mergeSize: vision.spatial_merge_size,
  temporalPatchSize: vision.temporal_patch_size,
});

const pairMarks = "<|vision_start|><|video_pad|><|vision_end|>";

const video: VideoSide<ImageConfig> = {
  videoProcessor: ({ vision_config: vision }, processorConfig) =>
    videoProcessor(processorConfig, { ...patchesOf(vision), budgetOf: "video", absent: {} }),
  tokenId: (config) => config.video_token_id,
  placeholder: pairMarks,
  spread: (seconds) => seconds.map((time) => `<${oneDecimal(time)} seconds>${pairMarks}`).join(""),
};

/** @param extraOutputs of the vision graph, beside the visual tokens. */
export function imageSide<C extends ImageConfig>(
  extraOutputs: (config: C) => readonly string[] = () => [],
): ImageSide<C> {
  return {
    imageProcessor: ({ vision_config: vision }, processorConfig) =>
      smartResizeProcessor(processorConfig, { ...patchesOf(vision), absent: published }),
    tokenId: (config) => config.image_token_id,
    layout: (_, grid, placeholder) => plainLayout(placeholder, (grid.rows * grid.columns) / 4),
    inputs: (config, pixels) => visionInputs(config.vision_config, pixels),
    extraOutputs,
    video,
  };
}
