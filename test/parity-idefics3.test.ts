/**
 * idefics3 and smolvlm against Hugging Face transformers in fp32, by test/golden/idefics3/make_golden.py: every stage, a second
 * turn, and that faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import type { SequenceInputs } from "../src/core/runtime/runner.js";
import type { EncodedImage } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";
import {
  describeVisionParity,
  encodeAll,
  expectFar,
  type GoldenImage,
  logitsAfter,
  payloadOf,
  tolerance,
  withRunner,
} from "./support/vision-parity.js";

/** Rows of patches of all tiles, cut by images. */
async function tiledImages(fixture: Fixture, { config }: PackedModel): Promise<GoldenImage[]> {
  const { image_size: side, patch_size: patch } = (config as any).vision_config;
  const [perSide, width] = [Math.floor(side / patch), 3 * patch * patch];
  const data = await fixture.floats("pixel_values");
  const grids = await fixture.numbers("tile_grids");
  let at = 0;
  return Array.from({ length: grids.length / 2 }, (_, i): GoldenImage => {
    const [rows, columns] = [grids[2 * i]!, grids[2 * i + 1]!];
    const count = (rows === 0 ? 1 : rows * columns + 1) * perSide * perSide;
    at += count;
    const grid = { rows: Math.max(1, rows) * perSide, columns: Math.max(1, columns) * perSide };
    return { pixels: { data: data.slice((at - count) * width, at * width), shape: [count, width], grid } };
  });
}

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
    const fixture = await openFixture(folder, "second-turn");
    const images = await tiledImages(fixture, packed);
    const encoded = await encodeAll(packed, vision, images);
    const parts = await Promise.all(["prompt_ids", "answer_ids", "turn_ids"].map(fixture.numbers));
    const ids = parts.flat();
    const payload = payloadOf(packed, ids, images, encoded);
    expectClose(await logitsAfter(packed, ids, payload), await fixture.floats("logits"), tolerance, "logits");
    const answer = async (promptIds: number[], prompt: SequenceInputs, maxTokens: number) =>
      withRunner(packed, async (runner) => {
        const engine = new Engine(runner, { prefillChunk: 7 });
        const request = { promptIds, payload: prompt, sampling: {}, maxTokens, stopTokenIds: [] };
        const tokens = await tokensOf(engine, request);
        await engine.close();
        return tokens;
      });
    expect(await answer(ids, payload, 16)).toEqual(await fixture.numbers("greedy_ids"));
    const first = payloadOf(packed, parts[0]!, images.slice(0, 1), encoded);
    expect(await answer(parts[0]!, first, 6)).toEqual(parts[1]);
  });

  const patches = 16;
  /** The image's patches in another order, `from` giving for each the one that comes in its place. */
  const reordered = ({ pixels }: GoldenImage, from: (patch: number) => number): GoldenImage => {
    const width = pixels.shape[1];
    const data = Float32Array.from(
      pixels.data,
      (_, i) => pixels.data[from(Math.floor(i / width)) * width + (i % width)]!,
    );
    return { pixels: { ...pixels, data } };
  };
  const withinTile = (within: (patch: number) => number) => (patch: number) =>
    patches * Math.floor(patch / patches) + within(patch % patches);

  it.each<[string, (patch: number, count: number) => number]>([
    [
      "tiles in the order of columns",
      (patch) => {
        const tile = Math.floor(patch / patches);
        return tile < 6 ? patches * (3 * (tile % 2) + Math.floor(tile / 2)) + (patch % patches) : patch;
      },
    ],
    ["the whole before the tiles", (patch, count) => (patch + count - patches) % count],
    ["patches of a tile by columns", withinTile((i) => 4 * (i % 4) + Math.floor(i / 4))],
    [
      "patches in blocks as they are merged",
      withinTile((i) => {
        const [block, inside] = [i >> 2, i & 3];
        return 4 * (2 * (block >> 1) + (inside >> 1)) + 2 * (block & 1) + (inside & 1);
      }),
    ],
  ])("is far from the reference with %s", async (what, order) => {
    const fixture = await openFixture(folder);
    const [image] = await tiledImages(fixture, packed);
    const count = image!.pixels.shape[0];
    const [encoded] = await encodeAll(packed, vision, [reordered(image!, (patch) => order(patch, count))]);
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
