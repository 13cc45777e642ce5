/**
 * idefics3 and smolvlm against Hugging Face transformers in fp32, by test/golden/idefics3/make_golden.py: every stage, a second
 * turn, and that faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import type { EncodedImage } from "../src/core/runtime/vision.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";
import { tiledImages, wrongOrders } from "./support/tiled-images.js";
import {
  describeVisionParity,
  encodeAll,
  expectFar,
  expectSecondTurn,
  logitsAfter,
  payloadOf,
} from "./support/vision-parity.js";

const stagesOf = (fixture: Fixture) => ({
  embedded: "model.vision_model.Add",
  ...Object.fromEntries(
    Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [
      `vision_blocks.${n}`,
      `model.vision_model.encoder.layers.${n}.Add_1`,
    ]),
  ),
  features: "model.vision_model.post_layernorm.LayerNormalization",
});

for (const [folder, cases] of Object.entries({
  idefics3: ["split", "remainder"],
  smolvlm: ["tied-gqa", "small-files"],
}))
  describeVisionParity({
    ...{ folder, cases, images: tiledImages, stages: stagesOf, divergence: { int8: 0.1, int4: 1 } },
    layer: (n) => `model.text_model.layers.${n}.Add_1`,
  });

describe("idefics3/split", () => {
  const folder = join(repository, "test/golden/idefics3/split");
  let packed: PackedModel;
  let vision: GraphSession;
  beforeAll(async () => {
    packed = await openExact(join(folder, "model.safetensors"), join(temporaryFolder(), "packed"));
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

  it("is far from the reference with columns of a block exchanged, or rows of tiles placed elsewhere", async () => {
    const fixture = await openFixture(folder);
    const images = await tiledImages(fixture, packed);
    const encoded = await encodeAll(packed, vision, images);
    const ids = await fixture.numbers("input_ids");
    const { visualTokens } = encoded[0]!;
    const width = visualTokens.length / 28; // four tokens of seven tiles
    const moved = (from: (token: number) => number): EncodedImage => ({
      ...encoded[0]!,
      visualTokens: Float32Array.from(
        visualTokens,
        (_, i) => visualTokens[from(Math.floor(i / width)) * width + (i % width)]!,
      ),
    });
    for (const wrong of [
      moved((token) => (token & ~3) | ((token & 1) << 1) | ((token & 2) >> 1)),
      moved((token) => (token + 4) % 28),
    ]) {
      const logits = await logitsAfter(packed, ids, payloadOf(packed, ids, images, [wrong, encoded[1]!]));
      expectFar(logits, await fixture.floats("logits"), "tokens elsewhere");
    }
  });
});
