/**
 * What every family with a vision encoder is asked, stage by stage against a golden fixture: the encoder, positions and angles,
 * each decoder layer, logits, greedy tokens in chunks and in company, and what quantisation costs.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../../src/core/backend/index.js";
import { Engine } from "../../src/core/engine/index.js";
import type { ImageGrid, PixelValues } from "../../src/core/image/spec/index.js";
import type { FramePair, GridInPrompt, TokenSpan } from "../../src/core/models/index.js";
import { openPacked, type PackedModel, pack, parsePlan } from "../../src/core/pack/index.js";
import { DecoderRunner } from "../../src/core/runtime/runner.js";
import type { PlacedImage, SequenceInputs } from "../../src/core/runtime/sequence-inputs.js";
import { type EncodedImage, encodeImage, placed } from "../../src/core/runtime/vision.js";
import { divergence } from "../../src/inspect/divergence.js";
import { expectClose, relativeError } from "./close.js";
import { tokensOf } from "./decoder.js";
import { repository, temporaryFolder } from "./folders.js";
import { type Fixture, oneThread, openExact, openFixture, openTapped, prefill } from "./parity.js";

/** As in parity.test.ts; the largest relative error measured is below 1e-5. */
export const tolerance = 2e-5;

/** An image of a fixture, or a pair of frames. */
export interface GoldenImage {
  readonly pixels: PixelValues;
  readonly pair?: FramePair;
  /** The id that stands for its rows. Default: the family's of images. */
  readonly placeholder?: number;
}

export interface VisionFamily {
  /** Folder of test/golden, and its cases. */
  readonly folder: string;
  readonly cases: readonly string[];
  images(fixture: Fixture, packed: PackedModel): Promise<readonly GoldenImage[]>;
  /** Values of the vision graph, by the fixture's names. */
  stages(fixture: Fixture): Readonly<Record<string, string>>;
  /** Node of the last sum of decoder layer `n`. */
  layer(n: number): string;
  /** KL of the logits that int8 and int4 weights stay below: twice the largest measured. */
  readonly divergence: { readonly int8: number; readonly int4: number };
}

/** The tokenizer of the make_golden.py of idefics3, internvl and minicpmv, which no other family's layout asks. */
export function madeUpTokens(text: string): number[] {
  const ids: Record<string, number> = {
    ...{ "<fake_token_around_image>": 301, "<global-img>": 302, "<img>": 301, "</img>": 302, "\n": 10, "\n\n": 11 },
    ...{ "<image>": 300, "</image>": 301, "<slice>": 302, "</slice>": 303, "<image_id>": 304, "</image_id>": 305 },
    ...{ "<unk>": 306, "0": 12, "1": 13, "2": 14 },
  };
  return [...text.matchAll(/<row_(\d+)_col_(\d+)>|<[^>]+>|\n+|\d/g)].map(([token, row, column]) =>
    row ? 303 + 6 * (Number(row) - 1) + Number(column) - 1 : ids[token]!,
  );
}
const idOf = (token: string) => madeUpTokens(token)[0]!;

type Placed = GridInPrompt & { readonly spans: readonly TokenSpan[] };

/** Where images stand among ids: in order, each where its own layout does. */
export function placeImages(
  packed: PackedModel,
  ids: readonly number[],
  images: readonly Pick<GoldenImage, "pixels" | "pair" | "placeholder">[],
): Placed[] {
  const { family, config } = packed;
  const at = new Map<number, number>();
  return images.map(({ pixels: { grid }, pair, placeholder = family.image!.tokenId(config, idOf) }, i) => {
    const layout = family.image!.layout(config, grid, placeholder, madeUpTokens, i);
    const from = at.get(placeholder) ?? 0;
    const start = ids.findIndex((_, i) => i >= from && layout.ids.every((id, k) => ids[i + k] === id));
    expect(start, "an image's layout among the ids").toBeGreaterThanOrEqual(0);
    at.set(placeholder, start + layout.ids.length);
    const spans = layout.spans.map((span) => ({ ...span, start: start + span.start }));
    return { start, grid, spans, ...(pair && { pair }) };
  });
}

/** What a request brings that holds these ids and the encoded images among them. */
export function payloadOf(
  packed: PackedModel,
  ids: readonly number[],
  images: readonly GoldenImage[],
  encoded: readonly EncodedImage[],
): SequenceInputs {
  const places = placeImages(packed, ids, images);
  const parts = places.flatMap(({ spans }, i): PlacedImage[] => {
    const { visualTokens: tokens, deepstack } = encoded[i]!;
    return placed(spans, { tokens, deepstack });
  });
  return { images: parts, positions: packed.family.positions(packed.config, ids, places) };
}

/** Each image through a vision graph, with further outputs of it. */
export async function encodeAll(
  packed: PackedModel,
  vision: GraphSession,
  images: readonly GoldenImage[],
  outputs: readonly string[] = [],
): Promise<EncodedImage[]> {
  const { family } = packed;
  const extraOutputs = (config: unknown) => [...family.image!.extraOutputs(config), ...outputs];
  const tapped = { ...packed, family: { ...family, image: { ...family.image!, extraOutputs } } };
  const encoded: EncodedImage[] = [];
  for (const { pixels } of images) encoded.push(await encodeImage(vision, tapped, pixels));
  return encoded;
}

const joined = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

/** `use` with a runner of the packed decoder. */
export async function withRunner<T>(packed: PackedModel, use: (runner: DecoderRunner) => Promise<T>): Promise<T> {
  const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
  try {
    return await use(new DecoderRunner(packed, decoder, { numSlots: 4, maxLength: 512 }));
  } finally {
    await decoder.close();
  }
}

/** The logits after the last of these ids, read in one step. */
export async function logitsAfter(
  packed: PackedModel,
  ids: readonly number[],
  payload: SequenceInputs,
): Promise<Float32Array> {
  const row = { slot: 0, tokens: [...ids], position: 0, payload, numLogits: 1 };
  return withRunner(packed, async (runner) => (await runner.step({ kind: "prefill", rows: [row] }))[0]!.slice());
}

export function describeVisionParity(family: VisionFamily): void {
  describe.each(family.cases)(`${family.folder}/%s equals the reference in fp32`, (name) => {
    const folder = join(repository, "test/golden", family.folder, name);
    const weights = join(folder, "model.safetensors");
    const into = temporaryFolder();
    let fixture: Fixture;
    let packed: PackedModel;
    let images: readonly GoldenImage[];
    let stages: Readonly<Record<string, string>>;
    let encoded: EncodedImage[];
    let ids: number[];

    beforeAll(async () => {
      fixture = await openFixture(folder);
      packed = await openExact(weights, join(into, "fp32"));
      images = await family.images(fixture, packed);
      stages = family.stages(fixture);
      ids = await fixture.numbers("input_ids");
      const vision = await openTapped(packed, weights, "vision", Object.values(stages));
      encoded = await encodeAll(packed, vision, images, Object.values(stages));
      await vision.close();
    });
    afterAll(() => packed?.close());

    it("in every stage of the vision encoder", async () => {
      for (const [stage, node] of Object.entries({ ...stages, visual_tokens: "visual_tokens" }))
        expectClose(
          joined(encoded.map(({ outputs }) => outputs[node]!)),
          await fixture.floats(stage),
          tolerance,
          stage,
        );
    });

    it("in the positions and the rotary angles", async () => {
      const { positions } = payloadOf(packed, ids, images, encoded);
      const streams = positions.axes.length > 0 ? positions.axes : [Int32Array.from(ids, (_, i) => i)];
      expect(streams.flatMap((axis) => [...axis])).toEqual(await fixture.numbers("position_ids"));
      const { cos, sin } = packed.family.rotary(packed.config, { start: 0, count: ids.length, positions });
      const half = cos.length / ids.length;
      for (const [mine, reference] of [
        [cos, await fixture.floats("cos")],
        [sin, await fixture.floats("sin")],
      ] as const) {
        const firstHalves = mine.map((_, i) => reference[Math.floor(i / half) * 2 * half + (i % half)]!);
        expectClose(mine, firstHalves, 1e-6, "cos or sin");
      }
    });

    it("in each decoder layer and the logits", async () => {
      const { hiddenSize } = packed.family.dimensions(packed.config);
      const { images: parts, positions } = payloadOf(packed, ids, images, encoded);
      const embeds = new Float32Array(ids.length * hiddenSize);
      await packed.embedding.read(ids, embeds, 0);
      for (const { start, tokens } of parts) embeds.set(tokens, start * hiddenSize);
      const layers = Array.from({ length: fixture.count("layers") }, (_, n) => family.layer(n));
      const decoder = await openTapped(packed, weights, "decoder", layers);
      const results = await prefill(packed, decoder, { embeds, positions }, layers);
      for (const [i, output] of [...layers, "logits"].entries()) {
        const stage = i < layers.length ? `layers.${i}` : output;
        expectClose(results[output]!.data as Float32Array, await fixture.floats(stage), tolerance, stage);
      }
      await decoder.close();
    });

    const request = async (payload: SequenceInputs, promptIds = ids, maxTokens = 32) => {
      return { promptIds, payload, sampling: {}, maxTokens, stopTokenIds: [] };
    };

    it("in 32 greedy tokens, whether the prompt is read whole or in chunks", async () => {
      const payload = payloadOf(packed, ids, images, encoded);
      for (const prefillChunk of [512, 5])
        await withRunner(packed, async (runner) => {
          const engine = new Engine(runner, { prefillChunk });
          expect(await tokensOf(engine, await request(payload))).toEqual(await fixture.numbers("greedy_ids"));
          await engine.close();
        });
    });

    it("in company of other requests as alone", async () => {
      const shifted = [7, 9, ...ids];
      const text = Array.from({ length: 19 }, (_, i) => (i * 37 + 5) % 250);
      const requests = [
        await request(payloadOf(packed, ids, images, encoded), ids, 12),
        await request({ images: [], positions: packed.family.positions(packed.config, text, []) }, text, 16),
        await request(payloadOf(packed, shifted, images, encoded), shifted, 9),
      ];
      await withRunner(packed, async (runner) => {
        const engine = new Engine(runner, { prefillChunk: 16 });
        const alone: number[][] = [];
        for (const each of requests) alone.push(await tokensOf(engine, each));
        expect(await Promise.all(requests.map((each) => tokensOf(engine, each)))).toEqual(alone);
        expect(alone[0]).toEqual((await fixture.numbers("greedy_ids")).slice(0, 12));
        await engine.close();
      });
    });

    it.each(["int8", "int4"] as const)("within the divergence of %s weights", async (format) => {
      const path = (await pack(weights, { plan: parsePlan(format, { blockSize: 32 }), into: join(into, format) })).path;
      const small = await openPacked(path);
      const vision = await GraphSession.open(small.graphPath("vision"), oneThread);
      const payload = payloadOf(small, ids, images, await encodeAll(small, vision, images));
      await vision.close();
      const { kl } = divergence(await fixture.floats("logits"), await logitsAfter(small, ids, payload));
      await small.close();
      expect(kl).toBeGreaterThan(0);
      expect(kl).toBeLessThan(family.divergence[format]);
    });
  });
}

/** That a fault shows: the result is off by more than 100 tolerances. */
export function expectFar(actual: Float32Array, reference: Float32Array, what: string): void {
  expect(relativeError(actual, reference), what).toBeGreaterThan(100 * tolerance);
}

/** A second image in a second turn: the reference's logits, its answer, and the first turn's answer. */
export async function expectSecondTurn(
  folder: string,
  packed: PackedModel,
  vision: GraphSession,
  imagesOf: VisionFamily["images"],
): Promise<void> {
  const fixture = await openFixture(folder, "second-turn");
  const images = await imagesOf(fixture, packed);
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
}

/** Of a row of view_grids: rows and columns of slices, the overview's patches, a slice's. */
function gridOf([rows, columns, ...views]: readonly number[]): ImageGrid {
  const [overviewRows, overviewColumns, sliceRows, sliceColumns] = views as [number, number, number, number];
  const overview = { rows: overviewRows, columns: overviewColumns };
  if (!rows || !columns) return overview;
  return { rows: rows * sliceRows, columns: columns * sliceColumns, slices: { rows, columns, overview } };
}

/** Images in slices: rows of patches of all views, cut by images. */
export async function slicedImages(fixture: Fixture, { config }: PackedModel): Promise<GoldenImage[]> {
  const width = 3 * (config as { vision_config: { patch_size: number } }).vision_config.patch_size ** 2;
  const data = await fixture.floats("pixel_values");
  const grids = await fixture.numbers("view_grids");
  let at = 0;
  return Array.from({ length: grids.length / 6 }, (_, i): GoldenImage => {
    const grid = gridOf(grids.slice(6 * i, 6 * i + 6));
    const { overview } = grid.slices ?? {};
    const count = grid.rows * grid.columns + (overview ? overview.rows * overview.columns : 0);
    at += count;
    return { pixels: { data: data.slice((at - count) * width, at * width), shape: [count, width], grid } };
  });
}
