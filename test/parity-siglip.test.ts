/**
 * siglip against Hugging Face transformers in fp32, by test/golden/siglip/make_golden.py: tokenizers of both kinds, padding
 * on both sides, towers of different widths.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { float32, int64 } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { type ImageProcessor, preprocess } from "../src/core/image/spec/index.js";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { matchByCosine } from "../src/retrieval/index.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, openExactEncoder, openFixture, openTapped, patchRows, unitVector } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/siglip");
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(golden, ...path), "utf8"));
const texts: string[] = readJson("texts.json");
const grey = (value: number) => ({ width: 40, height: 30, data: new Uint8Array(3600).fill(value) });

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

describe.each(["unigram", "byte-fallback", "padded-left"])("%s equals transformers in fp32", (name) => {
  const weights = join(golden, name, "model.safetensors");
  let fixture: Fixture;
  let packed: Awaited<ReturnType<typeof openExactEncoder>>;
  const layers = (tower: string) => [0, 1, 2].map((n) => `${tower}_model.encoder.layers.${n}.Add_1`);
  beforeAll(async () => {
    fixture = await openFixture(join(golden, name));
    packed = await openExactEncoder(weights, join(temporaryFolder(), "packed"));
  });
  afterAll(() => packed?.close());

  it("in every stage of the vision tower and its pooling head", async () => {
    const { image_size: side, patch_size: patch } = readJson(name, "config.json").vision_config;
    const { data, shape } = patchRows(await fixture.floats("pixel_values"), side, patch);
    const stages = [...layers("vision"), "vision_model.post_layernorm.LayerNormalization", "image_embeds"];
    const session = await openTapped(packed, weights, "vision", stages.slice(0, -1));
    const outputs = Object.fromEntries(stages.map((stage) => [stage, null]));
    const results = await session.run({ pixel_values: float32(data, shape) }, outputs);
    await session.close();
    const references = ["vision_layers.0", "vision_layers.1", "vision_layers.2", "vision_normed"];
    for (const [i, reference] of references.entries())
      expectClose(results[stages[i]!]!.data as Float32Array, await fixture.floats(reference), tolerance, reference);
    const embeds = await fixture.floats("image_embeds");
    const [first] = [embeds.slice(0, embeds.length / 2)];
    expectClose(unitVector(results.image_embeds!.data as Float32Array), first, tolerance, "image_embeds");
  });

  it("in every stage of the text tower, and in the ids that are filled up", async () => {
    const row = await fixture.numbers("ids.0");
    const tokenizer = createTokenizer(readJson(name, "tokenizer.json"), readJson(name, "tokenizer_config.json"));
    const padding = { id: tokenizer.tokenId(tokenizer.namedTokens.pad_token!), side: tokenizer.paddingSide };
    const ids = tokenizer.encode(texts[0]!, { addSpecialTokens: true });
    const { pooledIndex, ids: filled } = packed.family.textRow(packed.config, ids, padding);
    expect(filled).toEqual(row);
    const session = await openTapped(packed, weights, "text", layers("text"));
    const feeds = {
      input_ids: int64(row),
      position_ids: int64(row.map((_, i) => i)),
      pooled_index: int64([pooledIndex]),
    };
    const results = await session.run(feeds, Object.fromEntries(layers("text").map((layer) => [layer, null])));
    await session.close();
    for (const [n, layer] of layers("text").entries())
      expectClose(results[layer]!.data as Float32Array, await fixture.floats(`text_layers.${n}`), tolerance, layer);
  });

  it("in embeddings of whole texts, and in the probability of each by itself", async () => {
    const model = await loadDualEncoder(join(golden, name), { weights: "fp32", threads: 1 });
    const embeds = await fixture.floats("text_embeds");
    const images = await fixture.floats("image_embeds");
    const width = embeds.length / texts.length;
    for (const [n, text] of texts.entries())
      expectClose(await model.embedText(text), embeds.slice(n * width, (n + 1) * width), tolerance, text);
    const logits = await fixture.floats("logits_per_image");
    const labels = await model.embedLabels(texts, { template: "{}" });
    for (const [n, { direction, scale, bias }] of labels.entries()) {
      const cosine = direction.reduce((sum, x, i) => sum + x * images[i]!, 0);
      expect(scale * cosine + bias!).toBeCloseTo(logits[n]!, 4);
    }
    const alone = await model.classify(grey(90), [texts[0]!], { template: "{}" });
    const beside = await model.classify(grey(90), texts, { template: "{}" });
    expect(beside.find(({ label }) => label === texts[0])).toEqual(alone[0]);
    await model.close();
  });
});

describe("the siglip image processor", () => {
  const imageProcessor: ImageProcessor = {
    kind: "stretch",
    resample: "bicubic",
    ...{ width: 24, height: 24, patchSize: 24 },
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  };
  const { images }: { images: { size: [number, number]; pixels: string }[] } = readJson("images.json");

  it.each(images)("gives the reference's pixels within 2/255 for $size", ({ size: [width, height], pixels }) => {
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
});

describe("a siglip model", () => {
  it("matches where its own probability is a half, and refuses what its context cannot hold", async () => {
    const model = await loadDualEncoder(join(golden, "unigram"), { weights: "int8", threads: 1 });
    const { scale, bias } = await model.embedCounted("shirt");
    const match = await matchByCosine(model, grey(90), "shirt");
    expect(match.threshold).toBeCloseTo(-bias! / scale, 6);
    const [score] = await model.classify(grey(90), ["shirt"], { template: "{}" });
    expect(match.matches).toBe(score!.probability >= 0.5);
    await expect(model.embedText("dress ".repeat(60))).rejects.toThrow(ocellusError("too_large", { most: 24 }));
    await model.close();
  });
});
