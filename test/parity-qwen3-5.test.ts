/**
 * qwen3_5, stage by stage against Hugging Face transformers in fp32: random small models (test/golden/qwen3_5/make_golden.py) that
 * differ in linear heads, kinds of layers, head sizes, tying, and in what they read: images between words, a second turn with
 * another image, a video, words alone.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { encodeImage } from "../src/core/runtime/vision.js";
import { expectClose, relativeError } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { oneThread, openTapped, prefill } from "./support/parity.js";
import { openQwen35Case, type Qwen35Case, qwen35Cases } from "./support/qwen3-5.js";

const tolerance = 2e-5;
const joined = (parts: readonly Float32Array[]) => parts.flatMap((part) => [...part]);

describe.each(qwen35Cases)("%s equals transformers in fp32", (name) => {
  let golden: Qwen35Case;
  beforeAll(async () => {
    golden = await openQwen35Case(name);
  });
  afterAll(() => golden?.packed.close());

  it("in each block of the vision encoder and the visual tokens", async () => {
    const { packed, fixture, weights, pixels, images } = golden;
    if (pixels.length === 0) return;
    const blocks = Array.from({ length: fixture.count("vision_blocks") }, (_, n) => `model.visual.blocks.${n}.Add_1`);
    const vision = await openTapped(packed, weights, "vision", blocks);
    const image = { ...packed.family.image!, extraOutputs: () => blocks };
    const tapped = { ...packed, family: { ...packed.family, image } };
    const encoded = [];
    for (const { data, grid } of pixels)
      encoded.push(await encodeImage(vision, tapped, { data, grid, shape: [grid.rows * grid.columns, 1536] }));
    for (const [n, block] of blocks.entries()) {
      const reference = `vision_blocks.${n}`;
      expectClose(
        joined(encoded.map(({ outputs }) => outputs[block]!)),
        await fixture.floats(reference),
        tolerance,
        block,
      );
    }
    const tokens = joined(images.map((each) => each.tokens));
    expectClose(tokens, await fixture.floats("visual_tokens"), tolerance, "visual tokens");
    await vision.close();
  });

  it("in the positions, which are the index where there is no image", async () => {
    const { ids, fixture, inputs } = golden;
    const { axes, delta } = inputs().positions;
    const index = ids.map((_, i) => i);
    const isSeeing = fixture.has("position_ids");
    expect(axes.flatMap((axis) => [...axis])).toEqual(
      isSeeing ? await fixture.numbers("position_ids") : [...index, ...index, ...index],
    );
    expect(delta).toBe(isSeeing ? (await fixture.numbers("delta"))[0] : 0);
  });

  it("in each decoder layer and the logits", async () => {
    const { packed, fixture, weights, ids, images, inputs } = golden;
    const { hiddenSize } = packed.family.dimensions(packed.config);
    const embeds = new Float32Array(ids.length * hiddenSize);
    await packed.embedding.read(ids, embeds, 0);
    for (const { tokens, start } of images) embeds.set(tokens, start * hiddenSize);
    const layers = Array.from({ length: fixture.count("layers") }, (_, n) => `model.language_model.layers.${n}.Add_1`);
    const decoder = await openTapped(packed, weights, "decoder", layers);
    const results = await prefill(packed, decoder, { embeds, positions: inputs().positions }, layers);
    for (const [n, layer] of layers.entries())
      expectClose(results[layer]!.data as Float32Array, await fixture.floats(`layers.${n}`), tolerance, layer);
    expectClose(results.logits!.data as Float32Array, await fixture.floats("logits"), tolerance, "logits");
    await decoder.close();
  });

  it("in 32 greedy tokens, whether the prompt is read whole, in chunks or token by token, alone or in a batch of four", async () => {
    const { packed, fixture, ids, inputs } = golden;
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    const greedy = await fixture.numbers("greedy_ids");
    const request = { promptIds: ids, payload: inputs(), sampling: {}, maxTokens: 32, stopTokenIds: [] };
    for (const prefillChunk of [512, 5, 1]) {
      const engine = new Engine(new DecoderRunner(packed, decoder, { numSlots: 4, maxLength: 512 }), { prefillChunk });
      expect(await tokensOf(engine, request)).toEqual(greedy);
      expect(await Promise.all([1, 2, 3, 4].map(() => tokensOf(engine, request)))).toEqual(new Array(4).fill(greedy));
      await engine.close();
    }
    await decoder.close();
  });
});

describe("a second turn with another image", () => {
  let golden: Qwen35Case;
  let decoder: GraphSession;
  let turns: number[];
  beforeAll(async () => {
    golden = await openQwen35Case("second-turn");
    decoder = await GraphSession.open(golden.packed.graphPath("decoder"), oneThread);
    turns = await golden.fixture.numbers("turns");
  });
  afterAll(async () => {
    await decoder?.close();
    await golden?.packed.close();
  });

  /** The first turn as it was read and answered, then the second with these inputs, on one kept state; the logits behind it. */
  async function onKept(second: SequenceInputs): Promise<Float32Array> {
    const runner = new DecoderRunner(golden.packed, decoder, { numSlots: 2, maxLength: 512 });
    const [prompt, answer] = turns as [number, number];
    const first = golden.inputs(prompt);
    const ends = [prompt, ...Array.from({ length: answer }, (_, i) => prompt + i + 1), golden.ids.length];
    let position = 0;
    let logits: readonly Float32Array[] = [];
    for (const end of ends) {
      const tokens = golden.ids.slice(position, end);
      const payload = end === golden.ids.length ? second : first;
      const row = { slot: 1, tokens, position, payload, numLogits: 1 };
      logits = await runner.step({ kind: tokens.length > 1 ? "prefill" : "decode", rows: [row] });
      position = end;
    }
    return logits[0]!.slice();
  }

  it("equals the reference on the kept state", async () => {
    expectClose(await onKept(golden.inputs()), await golden.fixture.floats("logits"), tolerance, "logits");
  });

  it("does not with the first turn's delta", async () => {
    const stale = { ...golden.inputs(), positions: golden.inputs(turns[0]).positions };
    expect(relativeError(await onKept(stale), await golden.fixture.floats("logits"))).toBeGreaterThan(100 * tolerance);
  });
});
