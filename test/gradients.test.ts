/**
 * Gradients of every family that can be trained, against PyTorch (test/golden/gradients/make_golden.py), and what is said of the
 * operators that have none.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { float32, int64 } from "../src/core/backend/index.js";
import { families } from "../src/core/models/index.js";
import { feedsOf } from "../src/core/runtime/vision.js";
import { repository } from "./support/folders.js";
import {
  describeEncoderGradients,
  describeGradients,
  type EncoderGraph,
  goldenPaths,
  type OpenedCase,
} from "./support/gradients.js";
import { patchRows } from "./support/parity.js";
import { goldenImages } from "./support/qwen2-vl-images.js";
import { tiledImages } from "./support/tiled-images.js";
import { viewedImages } from "./support/viewed-images.js";
import { type GoldenImage, slicedImages } from "./support/vision-parity.js";

/** Families without gradients of their own: */
const elsewhere = [
  "keras_mobilenet_v2", // convolutions, whose gradients are not written
  "ocellus_classifier", // an encoder of another family, and a head
];

it("gradients of every family are compared", () => {
  const types = goldenPaths.map((path) => {
    const config = readFileSync(join(repository, "test/golden", path, "config.json"), "utf8");
    return (JSON.parse(config) as { model_type: string }).model_type;
  });
  expect([...new Set([...types, ...elsewhere])].sort()).toEqual(families.map(({ modelType }) => modelType).sort());
});

describe("gradients", () => {
  for (const name of ["gqa-tied", "mha-untied"])
    describeGradients(`qwen3_vl_resampler/${name}`, async (fixture): Promise<GoldenImage[]> => {
      const data = await fixture.floats("pixel_values");
      return [{ pixels: { data, shape: [64, data.length / 64], grid: { rows: 8, columns: 8 } } }];
    });
  for (const path of ["llama/tied-gqa", "llama/untied-biased", "qwen3/biased", "qwen3_5_text/wide-kernel"])
    describeGradients(path);
  for (const path of [
    ...["qwen3_vl/untied-two-pictures", "qwen2_vl/tied-gqa", "qwen2_5_vl/edge-windows", "paddleocr_vl/untied-biases"],
  ])
    describeGradients(path, (fixture) => goldenImages(fixture));
  describeGradients("qwen3_5/untied-two-images", async (fixture, { family, config }) => {
    const placeholder = family.image!.tokenId(config, () => 0);
    return (await goldenImages(fixture)).map((image) => ({ ...image, placeholder }));
  });
  for (const path of [
    ...["idefics3/remainder", "smolvlm/tied-gqa", "internvl/qwen3-norms", "internvl/qwen2-two-images"],
  ])
    describeGradients(path, tiledImages);
  describeGradients("idefics2/quarters", viewedImages);
  for (const path of ["minicpmv4_6/v-two-images", "minicpmv4_6/ocr-two-images", "minicpmv/4.5-two-turns"])
    describeGradients(path, slicedImages);

  /** Rows of patches of the first of square images. */
  const squares =
    (pixels = "pixel_values") =>
    async ({ fixture, family, config }: OpenedCase) => {
      const all = config as Record<string, unknown>;
      const { patch_size: patch } = (all.vision_config ?? all) as Record<string, number>;
      const planes = await fixture.floats(pixels);
      // DINOv2 takes images of any side, and its config names that of its positions.
      const side = family.modelType.startsWith("dinov2") ? Math.sqrt(planes.length / 3) : sideOf(all);
      const { data, shape } = patchRows(planes, side, patch!);
      const grid = { rows: side / patch!, columns: side / patch! };
      if (!("inputs" in family)) return { pixel_values: float32(data, shape) };
      const { inputs } = family as unknown as {
        inputs(config: unknown, pixels: object): Parameters<typeof feedsOf>[0];
      };
      return feedsOf(inputs(config, { data, shape, grid }));
    };
  const sideOf = (config: Record<string, unknown>) =>
    ((config.vision_config ?? config) as { image_size: number }).image_size;
  const image: EncoderGraph = { graph: "vision", input: "pixel_values", output: "image_embeds", feeds: squares() };
  const text: EncoderGraph = {
    ...{ graph: "text", input: "input_ids", output: "text_embeds" },
    feeds: async ({ fixture, family, config }) => {
      const ids = await fixture.numbers("ids.0");
      const { textRow } = family as unknown as {
        textRow(config: unknown, ids: number[], padding: object): { pooledIndex: number };
      };
      const { pooledIndex } = textRow(config, ids, { id: 0, side: "right" });
      return { input_ids: int64(ids), position_ids: int64(ids.map((_, i) => i)), pooled_index: int64([pooledIndex]) };
    },
  };
  describeEncoderGradients("vit/gelu", [
    {
      ...{ ...image, output: "logits", feeds: squares("pixel_values.0") },
      /** Of the cross-entropy of the last label. */
      seed: (logits) => {
        const exps = logits.map((x) => Math.exp(x));
        const sum = exps.reduce((a, b) => a + b, 0);
        return exps.map((e, i) => e / sum - (i === logits.length - 1 ? 1 : 0));
      },
    },
  ]);
  describeEncoderGradients("clip/quick-gelu-old-end", [image, text]);
  describeEncoderGradients("siglip/unigram", [image, text]);
  describeEncoderGradients("siglip2/larger-grids", [
    {
      ...image,
      feeds: async ({ fixture, family, config }) => {
        const [rows, columns] = (await fixture.numbers("grids")) as [number, number];
        const { patch_size: patch } = (config as { vision_config: { patch_size: number } }).vision_config;
        const shape = [rows * columns, 3 * patch * patch] as const;
        const data = (await fixture.floats("pixel_values")).slice(0, shape[0] * shape[1]);
        const { inputs } = family as unknown as {
          inputs(config: unknown, pixels: object): Parameters<typeof feedsOf>[0];
        };
        return feedsOf(inputs(config, { data, shape, grid: { rows, columns } }));
      },
    },
    text,
  ]);
  for (const path of ["dinov2/larger", "dinov2_with_registers/smaller"]) describeEncoderGradients(path, [image]);
});
