/**
 * paddleocr_vl against Hugging Face transformers in fp32, by test/golden/paddleocr_vl/make_golden.py: every stage, and that faults
 * which leave such a model plausible would show.
 */
import { join } from "node:path";
import { it } from "vitest";
import { interpolationInputs } from "../src/core/models/interpolated-places.js";
import { mergeOrder } from "../src/core/models/merged-patches.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Change, without } from "./support/graph-faults.js";
import { openChanged, openExact, openFixture } from "./support/parity.js";
import { goldenImages } from "./support/qwen2-vl-images.js";
import { describeVisionParity, encodeAll, expectFar } from "./support/vision-parity.js";

const tower = "model.visual.vision_model";

describeVisionParity({
  ...{ folder: "paddleocr_vl", cases: ["tied-gqa", "flat-two-images", "untied-biases"] },
  ...{ images: (fixture) => goldenImages(fixture), divergence: { int8: 0.1, int4: 1 } },
  stages: (fixture) => ({
    patch_embed: `${tower}.embeddings.Add`,
    ...Object.fromEntries(
      Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [
        `vision_blocks.${n}`,
        `${tower}.encoder.layers.${n}.Add_1`,
      ]),
    ),
    features: `${tower}.post_layernorm.LayerNormalization`,
  }),
  layer: (n) => `model.language_model.layers.${n}.Add_1`,
});

type Inputs = Readonly<Record<string, { readonly data: ArrayLike<number> }>>;

/** The visual tokens of the first image, by a vision graph and inputs with a change, and the reference's. */
async function tokensWith(change: Change, inputs: (inputs: Inputs) => object = (same) => same) {
  const folder = join(repository, "test/golden/paddleocr_vl/flat-two-images");
  const weights = join(folder, "model.safetensors");
  const packed = await openExact(weights, join(temporaryFolder(), "packed"));
  const fixture = await openFixture(folder);
  const vision = await openChanged(packed, weights, "vision", change);
  const own = packed.family.image!;
  const image = { ...own, inputs: (config: never, pixels: never) => inputs(own.inputs(config, pixels)) };
  const changed = { ...packed, family: { ...packed.family, image } } as unknown as PackedModel;
  const [first] = await goldenImages(fixture);
  const [encoded] = await encodeAll(changed, vision, [first!]);
  await Promise.all([vision.close(), packed.close()]);
  const found = encoded!.visualTokens;
  return { found, reference: (await fixture.floats("visual_tokens")).subarray(0, found.length) };
}

/** Of an image of 4 by 4 patches, over a table of 7 by 7 places. */
const grid = { rows: 4, columns: 4 };
const fromEndToEnd = interpolationInputs(mergeOrder(grid), grid, 7, "ends");
const same: Change = (graph) => graph;
const turned = (inputs: Inputs) => ({
  ...inputs,
  cos: { ...inputs.cos, data: Float32Array.from(inputs.cos!.data, () => 1) },
});

it.each<[string, Change, ((inputs: Inputs) => object)?]>([
  ["positions are left out", without(/embeddings\.Add$/, 1)],
  ["heads are turned wrongly", same, turned],
  ["the last norm is left out", without(/post_layernorm\.LayerNormalization$/, 1)],
  ["the projector's norm is left out", without(/projector\.pre_norm\.LayerNormalization$/, 1)],
  ["positions are spread from end to end", same, (inputs) => ({ ...inputs, ...fromEndToEnd })],
])("is far from the reference where %s", async (what, change, inputs) => {
  const { found, reference } = await tokensWith(change, inputs);
  expectFar(found, reference, what);
});
