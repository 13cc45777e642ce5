/**
 * qwen3_vl over two turns on kept keys and values, against transformers in fp32 (test/golden/qwen3_vl/
 * make_conversations.py): the second turn's picture has another size, so its positions follow from the whole
 * conversation and not from the first turn's delta.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import type { GridInPrompt } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { PlacedImage, SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { encodeImage } from "../src/core/runtime/vision.js";
import { expectClose, relativeError } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";

const tolerance = 2e-5;
const weights = join(repository, "test/golden/qwen3_vl/tied-one-picture");
const patchValues = 1536;

const folder = temporaryFolder();
let fixture: Fixture;
let packed: PackedModel;
let decoder: GraphSession;
let images: readonly (GridInPrompt & PlacedImage)[];
let prompt: number[];
let answer: number[];
let turn: number[];

beforeAll(async () => {
  fixture = await openFixture(weights, "second-turn");
  packed = await openExact(join(weights, "model.safetensors"), join(folder, "packed"));
  decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
  [prompt, answer, turn] = (await Promise.all(["prompt_ids", "answer_ids", "turn_ids"].map(fixture.numbers))) as [
    number[],
    number[],
    number[],
  ];
  images = await encodeImages();
});
afterAll(async () => {
  await decoder?.close();
  await packed?.close();
});

async function encodeImages() {
  const image = packed.family.image!;
  const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  const pixels = await fixture.floats("pixel_values");
  const grids = await fixture.numbers("image_grid_thw");
  const ids = [...prompt, ...answer, ...turn];
  const placed: (GridInPrompt & PlacedImage)[] = [];
  let [token, value] = [0, 0];
  for (let i = 0; i < grids.length / 3; i++) {
    const grid = { rows: grids[3 * i + 1]!, columns: grids[3 * i + 2]! };
    const numPatches = grid.rows * grid.columns;
    const data = pixels.slice(value, value + numPatches * patchValues);
    const encoded = await encodeImage(vision, packed, { data, shape: [numPatches, patchValues], grid });
    const start = ids.indexOf(
      image.tokenId(packed.config, () => 0),
      token,
    );
    const numTokens = image.layout(packed.config, grid, 0, () => [], 0).ids.length;
    placed.push({ start, grid, numTokens, tokens: encoded.visualTokens, deepstack: encoded.deepstack });
    [token, value] = [start + numTokens, value + data.length];
  }
  await vision.close();
  return placed;
}

/** What a request brings that holds these ids and the pictures among them. */
function payloadOf(ids: readonly number[]): SequenceInputs {
  const seen = images.filter(({ start }) => start < ids.length);
  return { images: seen, positions: packed.family.positions(packed.config, ids, seen) };
}

const newRunner = () => new DecoderRunner(packed, decoder, { numSlots: 2, maxLength: 512 });

/** Rows one after another in slot 1, each beginning where the last ended; the logits after the last. */
async function feed(rows: readonly { tokens: number[]; payload: SequenceInputs }[]): Promise<Float32Array> {
  const runner = newRunner();
  let position = 0;
  let logits: readonly Float32Array[] = [];
  for (const { tokens, payload } of rows) {
    logits = await runner.step({
      kind: tokens.length > 1 ? "prefill" : "decode",
      rows: [{ slot: 1, tokens, position, payload, numLogits: 1 }],
    });
    position += tokens.length;
  }
  return logits[0]!.slice();
}

/** The first turn as it was answered: the prompt in one step, then token by token with the first turn's positions. */
const firstTurn = () => [prompt, ...answer.map((id) => [id])].map((tokens) => ({ tokens, payload: payloadOf(prompt) }));

it("gives the whole conversation the reference's positions, and a delta that follows both pictures", async () => {
  const { axes, delta } = payloadOf([...prompt, ...answer, ...turn]).positions;
  expect(axes.flatMap((axis) => [...axis])).toEqual(await fixture.numbers("position_ids"));
  expect(delta).toBe((await fixture.numbers("delta"))[0]);
  expect(delta).not.toBe(payloadOf(prompt).positions.delta);
});

it("equals the reference's logits after a second turn on the kept cache, and one full prefill", async () => {
  const ids = [...prompt, ...answer, ...turn];
  const reference = await fixture.floats("logits");
  const onKept = await feed([...firstTurn(), { tokens: turn, payload: payloadOf(ids) }]);
  expectClose(onKept, reference, tolerance, "second turn on the kept cache");
  const atOnce = await feed([{ tokens: ids, payload: payloadOf(ids) }]);
  expectClose(atOnce, reference, tolerance, "the conversation in one prefill");
});

it("does not when the second turn continues with the first turn's delta", async () => {
  const { images: seen } = payloadOf([...prompt, ...answer, ...turn]);
  const stale = { images: seen, positions: payloadOf(prompt).positions };
  const wrong = await feed([...firstTurn(), { tokens: turn, payload: stale }]);
  expect(relativeError(wrong, await fixture.floats("logits"))).toBeGreaterThan(100 * tolerance);
});

it("gives the reference's answers to both turns", async () => {
  const request = { sampling: {}, stopTokenIds: [] };
  const whole = [...prompt, ...answer, ...turn];
  const engine = new Engine(newRunner());
  const first = { ...request, promptIds: prompt, payload: payloadOf(prompt), maxTokens: answer.length };
  expect(await tokensOf(engine, first)).toEqual(answer);
  const second = { ...request, promptIds: whole, payload: payloadOf(whole), maxTokens: 16 };
  expect(await tokensOf(engine, second)).toEqual(await fixture.numbers("greedy_ids"));
  await engine.close();
});
