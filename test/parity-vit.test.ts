/**
 * vit against Hugging Face transformers in fp32, by test/golden/vit/make_golden.py: with and without biases of q, k, v.
 * Pixels are compared in image-processors.test.ts.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { float32 } from "../src/core/backend/index.js";
import type { RgbImage } from "../src/core/image/spec/index.js";
import { openPackedClassifier, pack, parsePlan } from "../src/core/pack/index.js";
import { loadClassifier } from "../src/core/runtime/index.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { openFixture, openTapped } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/vit");
vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const images = (
  JSON.parse(readFileSync(join(golden, "images.json"), "utf8")) as { width: number; height: number; rgb: string }[]
).map(({ width, height, rgb }): RgbImage => ({ width, height, data: new Uint8Array(Buffer.from(rgb, "base64")) }));

/** The reference's planes [3, side, side] as the graph's rows of patches. */
function patches(planes: Float32Array, side: number, p: number): Float32Array {
  const data = new Float32Array(planes.length);
  for (let i = 0; i < data.length; i++) {
    const [c, y, x] = [Math.floor(i / side / side), Math.floor(i / side) % side, i % side];
    const patch = Math.floor(y / p) * (side / p) + Math.floor(x / p);
    data[patch * 3 * p * p + c * p * p + (y % p) * p + (x % p)] = planes[i]!;
  }
  return data;
}

describe.each(["gelu", "no-bias"])("%s equals transformers in fp32", (name) => {
  const folder = join(golden, name);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const { image_size: side, patch_size: p, num_hidden_layers: numLayers } = config;

  it("in every stage, from the reference's own pixels", async () => {
    const fixture = await openFixture(folder);
    const weights = join(folder, "model.safetensors");
    const into = join(temporaryFolder(), "packed");
    const packed = await openPackedClassifier((await pack(weights, { plan: parsePlan("fp32"), into })).path);
    const stages = [
      "vit.embeddings.Add",
      ...Array.from({ length: numLayers }, (_, n) => `vit.encoder.layer.${n}.Add_1`),
    ];
    const session = await openTapped(packed, weights, "vision", stages);
    const data = patches(await fixture.floats("pixel_values.0"), side, p);
    const feeds = { pixel_values: float32(data, [(side / p) ** 2, 3 * p * p]) };
    const results = await session.run(feeds, Object.fromEntries([...stages, "logits"].map((output) => [output, null])));
    expect(fixture.count("hidden")).toBe(stages.length);
    for (const [i, stage] of stages.entries())
      expectClose(results[stage]!.data as Float32Array, await fixture.floats(`hidden.${i}`), tolerance, stage);
    expectClose(results.logits!.data as Float32Array, await fixture.floats("logits.0"), tolerance, "logits");
    await session.close();
    await packed.close();
  });

  it("from a picture to its labels", async () => {
    const fixture = await openFixture(folder);
    const classifier = await loadClassifier(folder, { weights: "fp32", threads: 1 });
    expect(classifier.labels).toEqual(Object.values(config.id2label));
    const logits = await fixture.numbers("logits.0");
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const found = await classifier.classify(images[0]!);
    expect(found.map(({ label }) => label)).toEqual(classifier.labels);
    for (const [i, { probability }] of found.entries())
      expect(probability).toBeCloseTo(Math.exp(logits[i]!) / total, 2);
    await classifier.close();
  });
});
