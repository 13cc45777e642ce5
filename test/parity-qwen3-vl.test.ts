/**
 * qwen3_vl, stage by stage against Hugging Face transformers in fp32: random small models (test/golden/qwen3_vl/
 * make_golden.py) that differ in head sizes, grids, DeepStack taps and tying.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import type { GridInPrompt } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { PlacedImage, SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { type EncodedImage, encodeImage } from "../src/core/runtime/vision.js";
import { expectClose, relativeError } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture, openTapped, prefill } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/qwen3_vl");
const patchValues = 1536;

const cases = ["tied-one-picture", "untied-two-pictures", "wide-grid", "odd-fields"];

describe.each(cases)("%s equals transformers in fp32", (name) => {
  const weights = join(golden, name);
  const folder = temporaryFolder();
  let fixture: Fixture;
  let packed: PackedModel;
  let vision: GraphSession;
  let images: { placed: GridInPrompt; numTokens: number; numPatches: number }[];
  let stages: string[];

  beforeAll(async () => {
    fixture = await openFixture(weights);
    packed = await openExact(join(weights, "model.safetensors"), join(folder, "packed"));
    const blocks = Array.from({ length: fixture.count("vision_blocks") }, (_, n) => `model.visual.blocks.${n}.Add_1`);
    stages = ["model.visual.patch_embed.proj.Add", "model.visual.Add", ...blocks];
    vision = await openTapped(packed, join(weights, "model.safetensors"), "vision", stages);
    images = placeImages(await fixture.numbers("input_ids"), await fixture.numbers("image_grid_thw"));
  });
  afterAll(async () => {
    await vision?.close();
    await packed?.close();
  });

  function placeImages(ids: number[], grids: number[]) {
    const tokenId = packed.family.image!.tokenId(packed.config, () => 0);
    let start = 0;
    return Array.from({ length: grids.length / 3 }, (_, i) => {
      const grid = { rows: grids[3 * i + 1]!, columns: grids[3 * i + 2]! };
      const numTokens = packed.family.image!.layout(packed.config, grid, 0, () => [], 0).ids.length;
      const placed = { start: ids.indexOf(tokenId, start), grid };
      start = placed.start + numTokens;
      return { placed, numTokens, numPatches: grid.rows * grid.columns };
    });
  }

  /** Each picture through the vision graph with every stage visible. */
  async function encodeAll(): Promise<EncodedImage[]> {
    const { family, config } = packed;
    const tapped = {
      ...packed,
      family: {
        ...family,
        image: { ...family.image!, extraOutputs: (c: unknown) => [...family.image!.extraOutputs(c), ...stages] },
      },
    };
    const pixels = await fixture.floats("pixel_values");
    let at = 0;
    const encoded: EncodedImage[] = [];
    for (const { placed, numPatches } of images) {
      const data = pixels.slice(at * patchValues, (at + numPatches) * patchValues);
      encoded.push(
        await encodeImage(vision, { ...tapped, config }, { data, shape: [numPatches, patchValues], grid: placed.grid }),
      );
      at += numPatches;
    }
    return encoded;
  }

  const join32 = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

  async function sequenceInputs(): Promise<SequenceInputs> {
    const encoded = await encodeAll();
    const ids = await fixture.numbers("input_ids");
    return {
      images: images.map(({ placed, numTokens }, i): PlacedImage => {
        const { visualTokens: tokens, deepstack } = encoded[i]!;
        return { start: placed.start, numTokens, tokens, deepstack };
      }),
      positions: packed.family.positions(
        packed.config,
        ids,
        images.map((image) => image.placed),
      ),
    };
  }

  it("in every stage of the vision tower", async () => {
    const encoded = await encodeAll();
    const all = (output: string) => join32(encoded.map(({ outputs }) => outputs[output]!));
    const references = ["patch_embed", "embedded", ...stages.slice(2).map((_, n) => `vision_blocks.${n}`)];
    for (const [i, stage] of stages.entries()) {
      expectClose(all(stage), await fixture.floats(references[i]!), tolerance, references[i]!);
    }
    for (const output of ["visual_tokens", "deepstack.0", "deepstack.1", "deepstack.2"]) {
      expectClose(all(output), await fixture.floats(output), tolerance, output);
    }
  });

  it("in the positions and the rotary angles", async () => {
    const { positions } = await sequenceInputs();
    expect(positions.axes.flatMap((axis) => [...axis])).toEqual(await fixture.numbers("position_ids"));
    const count = (await fixture.numbers("input_ids")).length;
    const { cos, sin } = packed.family.rotary(packed.config, { start: 0, count, positions });
    const half = cos.length / count;
    for (const [mine, reference] of [
      [cos, await fixture.floats("cos")],
      [sin, await fixture.floats("sin")],
    ] as const) {
      const firstHalves = mine.map((_, i) => reference[Math.floor(i / half) * 2 * half + (i % half)]!);
      expectClose(mine, firstHalves, 1e-6, "cos or sin");
    }
  });

  async function decode(change: (inputs: SequenceInputs) => SequenceInputs = (inputs) => inputs) {
    const { hiddenSize } = packed.family.dimensions(packed.config);
    const { images: placed, positions } = change(await sequenceInputs());
    const ids = await fixture.numbers("input_ids");
    const embeds = new Float32Array(ids.length * hiddenSize);
    await packed.embedding.read(ids, embeds, 0);
    const deepstack = Array.from(
      { length: packed.family.numDeepstack(packed.config) },
      () => new Float32Array(embeds.length),
    );
    for (const image of placed) {
      embeds.set(image.tokens, image.start * hiddenSize);
      for (const [n, layer] of image.deepstack.entries()) deepstack[n]!.set(layer, image.start * hiddenSize);
    }
    const layers = Array.from({ length: fixture.count("layers") }, (_, n) => `model.language_model.layers.${n}.Add_1`);
    const decoder = await openTapped(packed, join(weights, "model.safetensors"), "decoder", layers);
    const results = await prefill(packed, decoder, { embeds, positions, deepstack }, layers);
    const outputs = [...layers, "logits"].map((output) => (results[output]!.data as Float32Array).slice());
    await decoder.close();
    return outputs;
  }

  it("in each decoder layer and the logits", async () => {
    const outputs = await decode();
    const references = [...outputs.slice(1).map((_, n) => `layers.${n}`), "logits"];
    for (const [i, output] of outputs.entries()) {
      expectClose(output, await fixture.floats(references[i]!), tolerance, references[i]!);
    }
  });

  it("only with DeepStack: without it the logits are others", async () => {
    const without = await decode((inputs) => ({
      ...inputs,
      images: inputs.images.map((image) => ({
        ...image,
        deepstack: image.deepstack.map((layer) => layer.map(() => 0)),
      })),
    }));
    expect(relativeError(without.at(-1)!, await fixture.floats("logits"))).toBeGreaterThan(100 * tolerance);
  });

  it("in 32 greedy tokens, whether the prompt is read whole or in chunks", async () => {
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    const request = {
      promptIds: await fixture.numbers("input_ids"),
      payload: await sequenceInputs(),
      sampling: {},
      maxTokens: 32,
      stopTokenIds: [],
    };
    for (const prefillChunk of [512, 5]) {
      const engine = new Engine(new DecoderRunner(packed, decoder, { numSlots: 2, maxLength: 512 }), { prefillChunk });
      expect(await tokensOf(engine, request)).toEqual(await fixture.numbers("greedy_ids"));
      await engine.close();
    }
    await decoder.close();
  });
});
