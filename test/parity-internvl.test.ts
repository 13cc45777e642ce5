/**
 * internvl against Hugging Face transformers in fp32, by test/golden/internvl/make_golden.py: every stage, a second turn, and that
 * faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Change, changing, without } from "./support/graph-faults.js";
import { type Fixture, oneThread, openChanged, openExact, openFixture } from "./support/parity.js";
import { tiledImages, wrongOrders } from "./support/tiled-images.js";
import { describeVisionParity, encodeAll, expectFar, expectSecondTurn } from "./support/vision-parity.js";

const tower = "model.vision_tower";
const blockOf = (n: number) => `${tower}.encoder.layer.${n}.Add_1`;

const stagesOf = (hasPositions: boolean, hasNorm: boolean) => (fixture: Fixture) => ({
  embedded: `${tower}.embeddings.${hasPositions ? "Add" : "Concat_1"}`,
  ...Object.fromEntries(
    Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [`vision_blocks.${n}`, blockOf(n)]),
  ),
  features: hasNorm ? `${tower}.layernorm.LayerNormalization` : blockOf(2),
});

const family = {
  folder: "internvl",
  images: tiledImages,
  layer: (n: number) => `model.language_model.layers.${n}.Add_1`,
  divergence: { int8: 0.006, int4: 0.45 },
};
describeVisionParity({ ...family, cases: ["qwen2-two-images", "qwen3-norms"], stages: stagesOf(true, false) });
describeVisionParity({ ...family, cases: ["old-files"], stages: stagesOf(false, true) });

const opened = async (name: string) => {
  const folder = join(repository, "test/golden/internvl", name);
  const weights = join(folder, "model.safetensors");
  return { folder, weights, packed: await openExact(weights, join(temporaryFolder(), "packed")) };
};

/** The visual tokens of the first image, by a vision graph with a change. */
async function tokensWith(name: string, change: Change): Promise<{ found: Float32Array; reference: Float32Array }> {
  const { folder, weights, packed } = await opened(name);
  const fixture = await openFixture(folder);
  const vision = await openChanged(packed, weights, "vision", change);
  const [image] = await tiledImages(fixture, packed);
  const [encoded] = await encodeAll(packed, vision, [image!]);
  await Promise.all([vision.close(), packed.close()]);
  const found = encoded!.visualTokens;
  return { found, reference: (await fixture.floats("visual_tokens")).subarray(0, found.length) };
}

const numBlocks = 3;
it.each<[string, string, Change]>([
  ["what blocks add is not scaled", "qwen2-two-images", without(/layer\.\d\.Mul(_1)?$/, 2 * numBlocks)],
  ["only attention is scaled", "qwen2-two-images", without(/layer\.\d\.Mul_1$/, numBlocks)],
  ["q and k are not normalised", "qwen3-norms", without(/attention\.[qk]_norm\.Simplified\w+$/, 2 * numBlocks)],
  ["the last norm is left out", "old-files", without(/vision_tower\.layernorm\.LayerNormalization$/, 1)],
  ["the projector's norm is left out", "qwen2-two-images", without(/projector\.layer_norm\.LayerNormalization$/, 1)],
  ["positions are left out", "qwen2-two-images", without(/vision_tower\.embeddings\.Add$/, 1)],
  [
    "the class row comes last",
    "qwen2-two-images",
    changing(/embeddings\.Concat_1$/, 1, (node) => ({ ...node, inputs: node.inputs.toReversed() })),
  ],
  [
    "tokens come by columns",
    "qwen2-two-images",
    changing(/projector\.Transpose$/, 1, (node) => ({ ...node, attributes: { perm: [0, 3, 1, 2, 4] } })),
  ],
])("is far from the reference where %s", async (what, name, change) => {
  const { found, reference } = await tokensWith(name, change);
  expectFar(found, reference, what);
});

describe("internvl/qwen2-two-images", () => {
  let folder: string;
  let packed: PackedModel;
  let vision: GraphSession;
  beforeAll(async () => {
    ({ folder, packed } = await opened("qwen2-two-images"));
    vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  });
  afterAll(async () => {
    await vision?.close();
    await packed?.close();
  });

  it("gives the reference's logits and answers in a second turn", async () => {
    await expectSecondTurn(folder, packed, vision, tiledImages);
  });

  it.each(wrongOrders)("is far from the reference with %s", async (what, change) => {
    const fixture = await openFixture(folder);
    const [image] = await tiledImages(fixture, packed);
    const [encoded] = await encodeAll(packed, vision, [change(image!)]);
    const reference = await fixture.floats("visual_tokens");
    expectFar(encoded!.visualTokens, reference.subarray(0, encoded!.visualTokens.length), what);
  });
});
