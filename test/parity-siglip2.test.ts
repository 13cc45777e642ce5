/**
 * siglip2 (NaFlex) against Hugging Face transformers in fp32, by test/golden/siglip2/make_golden.py: images of several shapes, whose
 * grids are larger and smaller than that of the learned positions; texts in capitals; and that faults would show.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PixelValues } from "../src/core/image/spec/index.js";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import { feedsOf } from "../src/core/runtime/vision.js";
import { matchByCosine } from "../src/retrieval/index.js";
import { expectClose, relativeError } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Change, changing } from "./support/graph-faults.js";
import { type Fixture, openChanged, openExactEncoder, openFixture, openTapped, unitVector } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/siglip2");
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(golden, ...path), "utf8"));
const texts: string[] = readJson("texts.json");
const grey = (value: number) => ({ width: 40, height: 30, data: new Uint8Array(3600).fill(value) });

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

async function imagesOf(fixture: Fixture): Promise<PixelValues[]> {
  const grids = await fixture.numbers("grids");
  const data = await fixture.floats("pixel_values");
  const counts = Array.from({ length: grids.length / 2 }, (_, i) => grids[2 * i]! * grids[2 * i + 1]!);
  const width = data.length / counts.reduce((sum, count) => sum + count, 0);
  let at = 0;
  return counts.map((count, i) => {
    at += count * width;
    const grid = { rows: grids[2 * i]!, columns: grids[2 * i + 1]! };
    return { data: data.slice(at - count * width, at), shape: [count, width], grid };
  });
}

describe.each(["larger-grids", "smaller-grids", "same-grid"])("%s equals transformers in fp32", (name) => {
  const weights = join(golden, name, "model.safetensors");
  let fixture: Fixture;
  let packed: Awaited<ReturnType<typeof openExactEncoder>>;
  beforeAll(async () => {
    fixture = await openFixture(join(golden, name));
    packed = await openExactEncoder(weights, join(temporaryFolder(), "packed"));
  });
  afterAll(() => packed?.close());

  it("in every stage of the vision tower and its pooling head, image by image", async () => {
    const stages = {
      embedded: "vision_model.embeddings.Add",
      ...Object.fromEntries([0, 1, 2].map((n) => [`vision_layers.${n}`, `vision_model.encoder.layers.${n}.Add_1`])),
      vision_normed: "vision_model.post_layernorm.LayerNormalization",
    };
    const images = await imagesOf(fixture);
    const session = await openTapped(packed, weights, "vision", Object.values(stages));
    const outputs = Object.fromEntries([...Object.values(stages), "image_embeds"].map((stage) => [stage, null]));
    const results: Awaited<ReturnType<typeof session.run>>[] = [];
    for (const image of images)
      results.push(await session.run(feedsOf(packed.family.inputs(packed.config, image)), outputs));
    await session.close();
    const joined = (node: string) =>
      Float32Array.from(results.flatMap((each) => [...(each[node]!.data as Float32Array)]));
    for (const [stage, node] of Object.entries(stages))
      expectClose(joined(node), await fixture.floats(stage), tolerance, stage);
    const embeds = results.flatMap((each) => [...unitVector(each.image_embeds!.data as Float32Array)]);
    expectClose(Float32Array.from(embeds), await fixture.floats("image_embeds"), tolerance, "image_embeds");
  });

  it("in embeddings of texts, capitals among them, and in the logit of each pair", async () => {
    const model = await loadDualEncoder(join(golden, name), { weights: "fp32", threads: 1 });
    const embeds = await fixture.floats("text_embeds");
    const images = await fixture.floats("image_embeds");
    const width = embeds.length / texts.length;
    const logits = await fixture.floats("logits_per_image");
    for (const [n, text] of texts.entries()) {
      const { direction, scale, bias } = await model.embedCounted(text);
      expectClose(direction, embeds.slice(n * width, (n + 1) * width), tolerance, text);
      const cosine = direction.reduce((sum, x, i) => sum + x * images[i]!, 0);
      expect(scale * cosine + bias!).toBeCloseTo(logits[n]!, 4);
    }
    expect(await model.embedText(texts[0]!.toUpperCase())).toEqual(await model.embedText(texts[0]!));
    await model.close();
  });
});

const transposed: Change = changing(/patch_embedding\.Transpose$/, 1, (node) => ({
  ...node,
  attributes: { perm: [0, 3, 2, 1] },
}));
it.each<[string, Change, (image: PixelValues) => PixelValues]>([
  ["values of a patch come as channel, x, y", transposed, (image) => image],
  [
    "positions are those of rows and columns exchanged",
    (graph) => graph,
    ({ grid, ...image }) => ({ ...image, grid: { rows: grid.columns, columns: grid.rows } }),
  ],
])("is far from the reference where %s", async (_, change, exchange) => {
  const weights = join(golden, "larger-grids/model.safetensors");
  const fixture = await openFixture(join(golden, "larger-grids"));
  const packed = await openExactEncoder(weights, join(temporaryFolder(), "packed"));
  const session = await openChanged(packed, weights, "vision", change);
  const [image] = await imagesOf(fixture);
  const feeds = feedsOf(packed.family.inputs(packed.config, exchange(image!)));
  const { image_embeds } = await session.run(feeds, { image_embeds: null });
  const found = unitVector(image_embeds!.data as Float32Array);
  const reference = (await fixture.floats("image_embeds")).slice(0, found.length);
  expect(relativeError(found, reference)).toBeGreaterThan(100 * tolerance);
  await Promise.all([session.close(), packed.close()]);
});

it("classifies and matches images of any shape", async () => {
  const model = await loadDualEncoder(join(golden, "larger-grids"), { weights: "int8", threads: 1 });
  const { scale, bias } = await model.embedCounted("shirt");
  const match = await matchByCosine(model, grey(90), "shirt");
  expect(match.threshold).toBeCloseTo(-bias! / scale, 6);
  const strip = { width: 90, height: 2, data: new Uint8Array(540).fill(7) };
  const scores = await model.classify(strip, texts, { template: "{}" });
  expect(scores.map(({ label }) => label).sort()).toEqual([...texts].sort());
  await model.close();
});
