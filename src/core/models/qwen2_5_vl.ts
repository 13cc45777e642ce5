/**
 * qwen2_5_vl: Qwen2.5-VL (3B, 7B, 32B, 72B) and its fine-tunes (olmOCR, many readers of documents and screens). As Qwen2-VL, but
 * most blocks of the vision encoder look around in windows of 4 × 4 merged cells only, norms are RMSNorms, the mlp is gated,
 * and the positions of a video go with its seconds.
 *
 * Specification: docs/models/qwen2_5_vl.md. Reference: transformers modeling_qwen2_5_vl.py, vision_utils.py; fixtures in
 * test/golden/qwen2_5_vl/.
 */
import { z } from "zod";
import { groupBy } from "../base/index.js";
import type { GraphBuilder } from "../graph/index.js";
import type { ImageGrid } from "../image/spec/index.js";
import { checkSizes, parseConfig, size } from "./config.js";
import type { FramePair, HostInput, ModelFamily } from "./family.js";
import { mergeOrder, numPatches, type Place, promptPositions } from "./merged-patches.js";
import * as qwen2 from "./qwen2_vl.js";
import * as text from "./qwen2_vl_text.js";

const visionSchema = z.object({
  ...qwen2.visionFields,
  hidden_size: size.default(3584),
  intermediate_size: size.default(3420),
  hidden_act: z.literal("silu").default("silu"),
  out_hidden_size: size.default(3584),
  tokens_per_second: z.number().int().min(1).max(1000).default(4), // published ones have 2; frames are at most 1,000 a second
  window_size: size.default(112), // in pixels
  fullatt_block_indexes: z.array(z.number().int().min(0).max(1024)).max(1024).default([7, 15, 23, 31]),
});

const configSchema = z.preprocess(
  text.nested,
  z.object({ ...text.wholeFields, vision_config: visionSchema.prefault({}) }),
);

type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

function buildVision(builder: GraphBuilder, { vision_config: config }: Config): void {
  const { depth, hidden_size: width, num_heads: numHeads, patch_size: patchSize, hidden_act: activation } = config;
  const windows = {
    rows: builder.input("window_rows", "i64", ["num_windows", "widest_window"]),
    lengths: builder.input("window_lengths", "i32", ["num_windows"]),
    places: builder.input("window_places", "i64", [numPatches]),
  };
  const isWhole = new Set(config.fullatt_block_indexes);
  qwen2.buildTower(builder, {
    ...{ depth, width, numHeads, patchSize, norm: "rms", outFeatures: config.out_hidden_size },
    mlp: {
      ...{ at: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
      ...{ activation, width: config.intermediate_size, bias: true },
    },
    visible: (n) => (isWhole.has(n) ? undefined : windows),
  });
}

/** Merged cells on a side of a window. */
function windowSide({ window_size: pixels, spatial_merge_size: merge, patch_size: patch }: VisionConfig): number {
  return Math.floor(Math.floor(pixels / merge) / patch);
}

/**
 * Which patches see each other: those of windows that tile the merged cells from the top left; at the right and the bottom they
 * are narrower. The reference sorts patches by window and back; here each stays in its place.
 */
function windowInputs(grid: ImageGrid, side: number): Record<string, HostInput> {
  const places = mergeOrder(grid);
  const perRow = Math.ceil(grid.columns / 2 / side);
  const windowOf = ({ row, column }: Place) => Math.floor(row / 2 / side) * perRow + Math.floor(column / 2 / side);
  const windows = groupBy([...places.keys()], (patch) => windowOf(places[patch]!)).map(([, own]) => own);
  const widest = Math.max(...windows.map(({ length }) => length));
  const rows = windows.flatMap((own) => Array.from({ length: widest }, (_, i) => own[i] ?? own[0]!));
  const slots = new Array<number>(places.length);
  for (const [w, own] of windows.entries()) for (const [i, patch] of own.entries()) slots[patch] = w * widest + i;
  return {
    window_rows: { dtype: "i64", shape: [windows.length, widest], data: rows },
    window_lengths: { dtype: "i32", shape: [windows.length], data: windows.map(({ length }) => length) },
    window_places: { dtype: "i64", shape: [slots.length], data: slots },
  };
}

/** Steps in T, in the reference's float32: on whole seconds a rounding more would make one step less. */
function timeOf({ index, seconds }: FramePair, { tokens_per_second: perSecond }: VisionConfig): number {
  return Math.trunc(Math.fround(index * Math.fround(perSecond * Math.fround(seconds))));
}

export const qwen25Vl: ModelFamily<Config> = {
  ...text.sharedFamily,
  modelType: "qwen2_5_vl",
  about: {
    title: "Qwen2.5-VL and its fine-tunes",
    repositories: ["Qwen/Qwen2.5-VL-3B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct", "allenai/olmOCR-7B-0825"],
    trainedFor: ["several_images", "boxes"],
    places: "scaled_pixels",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, text.nested(json), "config.json");
    const { vision_config: vision } = config;
    checkSizes([
      ...qwen2.towerRules(vision, vision.hidden_size),
      [
        vision.out_hidden_size === config.text_config.hidden_size,
        "vision_config.out_hidden_size must equal text_config.hidden_size",
      ],
      [windowSide(vision) >= 1, "vision_config.window_size must hold a merged cell"],
      ...text.textRules(config),
    ]);
    return config;
  },
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => text.buildDecoder(builder, config),
  }),
  image: {
    ...qwen2.sharedImage,
    inputs: ({ vision_config: vision }, pixels) => ({
      ...qwen2.towerInputs(vision, vision.hidden_size, pixels),
      ...windowInputs(pixels.grid, windowSide(vision)),
    }),
  },
  positions: ({ vision_config: vision }, ids, images) => promptPositions(ids, images, (pair) => timeOf(pair, vision)),
};
