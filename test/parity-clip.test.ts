/**
 * clip against Hugging Face transformers in fp32, by test/golden/clip/make_golden.py: both activations, both rules for the
 * end token, pictures with even and odd margins.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { float32, type GraphSession, int64 } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { type CenterCropProcessor, preprocess } from "../src/core/image/spec/index.js";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, openExactEncoder, openFixture, openTapped, patchRows, unitVector } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/clip");
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(golden, ...path), "utf8"));
const texts: string[] = readJson("texts.json");

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

describe.each(["quick-gelu-old-end", "gelu"])("%s equals transformers in fp32", (name) => {
  const weights = join(golden, name, "model.safetensors");
  let fixture: Fixture;
  let packed: Awaited<ReturnType<typeof openExactEncoder>>;
  const layers = (tower: string) => [0, 1, 2].map((n) => `${tower}_model.encoder.layers.${n}.Add_1`);
  beforeAll(async () => {
    fixture = await openFixture(join(golden, name));
    packed = await openExactEncoder(weights, join(temporaryFolder(), "packed"));
  });
  afterAll(() => packed?.close());

  async function run(session: GraphSession, feeds: Parameters<GraphSession["run"]>[0], outputs: readonly string[]) {
    const results = await session.run(feeds, Object.fromEntries(outputs.map((output) => [output, null])));
    await session.close();
    return outputs.map((output) => results[output]!.data as Float32Array);
  }

  it("in every stage of the vision tower", async () => {
    const { image_size: side, patch_size: patch } = readJson(name, "config.json").vision_config;
    const { data, shape } = patchRows(await fixture.floats("pixel_values"), side, patch);
    const stages = ["vision_model.pre_layrnorm.LayerNormalization", ...layers("vision")];
    const session = await openTapped(packed, weights, "vision", stages);
    const values = await run(session, { pixel_values: float32(data, shape) }, [...stages, "image_embeds"]);
    const references = ["vision_embedded", "vision_layers.0", "vision_layers.1", "vision_layers.2"];
    for (const [i, reference] of references.entries())
      expectClose(values[i]!, await fixture.floats(reference), tolerance, reference);
    const embeds = await fixture.floats("image_embeds");
    expectClose(unitVector(values.at(-1)!), embeds.slice(0, embeds.length / 2), tolerance, "image_embeds");
  });

  it("in every stage of the text tower, end token and scale", async () => {
    const ids = await fixture.numbers("ids.0");
    const session = await openTapped(packed, weights, "text", layers("text"));
    const feeds = {
      input_ids: int64(ids),
      position_ids: int64(ids.map((_, i) => i)),
      pooled_index: int64([packed.family.textRow(packed.config, ids, { id: undefined, side: undefined }).pooledIndex]),
    };
    const values = await run(session, feeds, [...layers("text"), "text_embeds"]);
    for (const n of [0, 1, 2])
      expectClose(values[n]!, await fixture.floats(`text_layers.${n}`), tolerance, `text layer ${n}`);
    const embeds = await fixture.floats("text_embeds");
    expectClose(unitVector(values.at(-1)!), embeds.slice(0, embeds.length / texts.length), tolerance, "text_embeds");
  });

  it("in ids and embeddings of whole texts, through the public door", async () => {
    const tokenizer = createTokenizer(readJson(name, "tokenizer.json"), readJson(name, "tokenizer_config.json"));
    const model = await loadDualEncoder(join(golden, name), { weights: "fp32", threads: 1 });
    const embeds = await fixture.floats("text_embeds");
    const width = embeds.length / texts.length;
    for (const [n, text] of texts.entries()) {
      expect(tokenizer.encode(text, { addSpecialTokens: true })).toEqual(await fixture.numbers(`ids.${n}`));
      const reference = embeds.slice(n * width, (n + 1) * width);
      expectClose(await model.embedText(text), reference, tolerance, text);
    }
    await model.close();
  });
});

describe("the clip image processor", () => {
  const imageProcessor: CenterCropProcessor = {
    kind: "center_crop",
    resize: { shortestEdge: 24 },
    resample: "bicubic",
    side: 24,
    patchSize: 24,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  };
  const { pictures }: { pictures: { size: [number, number]; pixels: string }[] } = readJson("images.json");

  it.each(pictures)("gives the reference's pixels within 2/255 for $size", ({ size: [width, height], pixels }) => {
    const formula = (i: number): number => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return [x * 5 + y, y * 7, x * y][i % 3]!;
    };
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => formula(i));
    const values = preprocess({ width, height, data }, imageProcessor).data;
    const reference = Buffer.from(pixels, "base64");
    expect(values).toHaveLength(reference.length);
    const errors = Array.from(values, (value, i) => Math.abs(Math.round((value + 1) * 127.5) - reference[i]!));
    expect(Math.max(...errors)).toBeLessThanOrEqual(2);
  });

  it("refuses a strip, whose longer edge would fill the memory", () => {
    const strip = { width: 2010, height: 10, data: new Uint8Array(2010 * 10 * 3) };
    expect(() => preprocess(strip, imageProcessor)).toThrow(ocellusError("invalid_image", { width: 2010, height: 10 }));
  });
});

describe("a clip model", () => {
  const folder = join(golden, "gelu");
  const grey = (value: number) => ({ width: 40, height: 30, data: new Uint8Array(3600).fill(value) });

  it("scores labels: probabilities of one call add up to one, best first, identical pictures alike", async () => {
    const model = await loadDualEncoder(folder, { weights: "int8", threads: 1 });
    const scores = await model.classify(grey(90), ["dress", "red dress", "ankle boots"]);
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    expect(scores.map((s) => s.cosine)).toEqual([...scores.map((s) => s.cosine)].sort((a, b) => b - a));
    expect(await model.embedImage(grey(90))).toEqual(await model.embedImage(grey(90)));
    await model.close();
  });

  it("names what it cannot do", async () => {
    const model = await loadDualEncoder(folder, { weights: "fp32", threads: 1 });
    await expect(model.embedText("dress ".repeat(60))).rejects.toThrow(
      ocellusError("too_large", { tokens: 62, most: 40 }),
    );
    await expect(model.classify(grey(1), [])).rejects.toThrow(
      ocellusError("invalid_request", { field: "labels", least: 1, most: 32_768, found: 0 }),
    );
    await expect(model.classify(grey(1), ["a"], { template: "a photo" })).rejects.toThrow(
      ocellusError("invalid_request", { field: "template", expected: "{}" }),
    );
    await model.close();
    const other = join(repository, "checkpoints/ocellus-tiny");
    await expect(loadDualEncoder(other)).rejects.toThrow(
      ocellusError("unsupported", { modelType: "qwen3_vl_resampler", kind: "language" }),
    );
  });
});
