/**
 * qwen3_vl with a picture and a video, against transformers in fp32 (test/golden/qwen3_vl/make_conversations.py): each
 * pair of frames goes through the vision graph by itself, its two halves being different frames.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import type { ImageGrid } from "../src/core/image/spec/index.js";
import type { GridInPrompt } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { PlacedImage, SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { type EncodedImage, encodeImage } from "../src/core/runtime/vision.js";
import { expectClose, relativeError } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";

const tolerance = 2e-5;
const weights = join(repository, "test/golden/qwen3_vl/untied-two-pictures");
const patchValues = 1536;

const folder = temporaryFolder();
let fixture: Fixture;
let packed: PackedModel;
let vision: GraphSession;
let ids: number[];
let images: readonly (GridInPrompt & PlacedImage)[];

beforeAll(async () => {
  fixture = await openFixture(weights, "video");
  packed = await openExact(join(weights, "model.safetensors"), join(folder, "packed"));
  vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  ids = await fixture.numbers("input_ids");
  const { tokenId, video } = packed.family.image!;
  const stills = await encodeAll("pixel_values", "image_grid_thw");
  const pairs = await encodeAll("pixel_values_videos", "video_grid_thw");
  images = [
    ...place(
      stills,
      tokenId(packed.config, () => 0),
    ),
    ...place(pairs, video!.tokenId(packed.config)),
  ];
});
afterAll(async () => {
  await vision?.close();
  await packed?.close();
});

type Encoded = EncodedImage & { readonly grid: ImageGrid };

const encode = (data: Float32Array, grid: ImageGrid) =>
  encodeImage(vision, packed, { data, shape: [grid.rows * grid.columns, patchValues], grid });

/** What one grid [t, h, w] stands for is t pictures of [h, w], one run each. */
async function encodeAll(pixels: string, grids: string): Promise<Encoded[]> {
  const data = await fixture.floats(pixels);
  const [count, rows, columns] = (await fixture.numbers(grids)) as [number, number, number];
  const grid = { rows, columns };
  const length = rows * columns * patchValues;
  const encoded: Encoded[] = [];
  for (let i = 0; i < count; i++)
    encoded.push({ ...(await encode(data.slice(i * length, (i + 1) * length), grid)), grid });
  return encoded;
}

/** Runs of the placeholder, in order. */
function place(encoded: readonly Encoded[], tokenId: number): (GridInPrompt & PlacedImage)[] {
  const starts = ids.flatMap((id, i) => (id === tokenId && ids[i - 1] !== tokenId ? [i] : []));
  expect(starts).toHaveLength(encoded.length);
  return encoded.map(({ visualTokens, deepstack, grid }, i) => {
    const numTokens = packed.family.image!.layout(packed.config, grid, 0, () => [], 0).ids.length;
    return { start: starts[i]!, grid, numTokens, tokens: visualTokens, deepstack };
  });
}

const payload = (seen = images): SequenceInputs => ({
  images: seen,
  positions: packed.family.positions(packed.config, ids, seen),
});

async function withRunner<T>(use: (runner: DecoderRunner) => Promise<T>): Promise<T> {
  const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
  try {
    return await use(new DecoderRunner(packed, decoder, { numSlots: 1, maxLength: 512 }));
  } finally {
    await decoder.close();
  }
}

it("gives each pair of frames the reference's visual tokens", async () => {
  const tokens = images.slice(1).flatMap((pair) => [...pair.tokens]);
  expectClose(tokens, await fixture.floats("visual_tokens"), tolerance, "visual tokens of the video");
});

it("tells the two frames of a pair apart", async () => {
  const [, rows, columns] = (await fixture.numbers("video_grid_thw")) as [number, number, number];
  const pair = (await fixture.floats("pixel_values_videos")).slice(0, rows * columns * patchValues);
  const swapped = pair.map((_, i) => pair[i ^ 256]!); // columns are channel, frame, 256 pixels
  const { visualTokens } = await encode(swapped, { rows, columns });
  expect(relativeError(visualTokens, images[1]!.tokens)).toBeGreaterThan(100 * tolerance);
});

it("gives every pair its own step in T, with the words of its time between", async () => {
  const { axes, delta } = payload().positions;
  expect(axes.flatMap((axis) => [...axis])).toEqual(await fixture.numbers("position_ids"));
  expect(delta).toBe((await fixture.numbers("delta"))[0]);
});

it("equals the reference's logits and 32 greedy tokens", async () => {
  await withRunner(async (runner) => {
    const row = { slot: 0, tokens: ids, position: 0, payload: payload(), numLogits: 1 };
    const [logits] = await runner.step({ kind: "prefill", rows: [row] });
    expectClose(logits!, await fixture.floats("logits"), tolerance, "logits");
  });
  await withRunner(async (runner) => {
    const engine = new Engine(runner, { prefillChunk: 7 });
    const request = { promptIds: ids, payload: payload(), sampling: {}, maxTokens: 32, stopTokenIds: [] };
    expect(await tokensOf(engine, request)).toEqual(await fixture.numbers("greedy_ids"));
    await engine.close();
  });
});
