/**
 * dinov2 and dinov2_with_registers against Hugging Face transformers in fp32, by test/golden/dinov2/make_golden.py: images smaller and
 * larger than the position table, and as large.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { openPackedImageEncoder, pack, parsePlan } from "../src/core/pack/index.js";
import { cosine, loadClassifier, loadImageEncoder, loadModel } from "../src/core/runtime/index.js";
import { feedsOf } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { openFixture, openTapped, patchRows, unitVector } from "./support/parity.js";
import { drawn } from "./support/whole.js";

const tolerance = 2e-5;
vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const sides = { smaller: [42, 14], same: [32, 8], larger: [56, 8] } as const;
const cases = ["dinov2", "dinov2_with_registers"].flatMap((family) =>
  (Object.keys(sides) as (keyof typeof sides)[]).map((name) => [family, name] as const),
);

describe.each(cases)("%s/%s equals transformers in fp32", (family, name) => {
  const folder = join(repository, "test/golden", family, name);

  it("in every stage, from the reference's own pixels", async () => {
    const fixture = await openFixture(folder);
    const weights = join(folder, "model.safetensors");
    const into = join(temporaryFolder(), "packed");
    const packed = await openPackedImageEncoder((await pack(weights, { plan: parsePlan("fp32"), into })).path);
    const numLayers = fixture.count("hidden") - 1;
    const layers = Array.from({ length: numLayers }, (_, n) => `encoder.layer.${n}.Add_1`);
    const stages = ["embeddings.Add", ...layers, "layernorm.LayerNormalization"];
    const session = await openTapped(packed, weights, "vision", stages);
    const [side, patch] = sides[name];
    const { data, shape } = patchRows(await fixture.floats("pixel_values"), side, patch);
    const grid = { rows: side / patch, columns: side / patch };
    const feeds = feedsOf(packed.family.inputs(packed.config, { data, shape: [shape[0]!, shape[1]!], grid }));
    const results = await session.run(
      feeds,
      Object.fromEntries([...stages, "image_embeds"].map((each) => [each, null])),
    );
    const references = [...stages.slice(0, -1).map((_, i) => `hidden.${i}`), "last", "pooled"];
    for (const [i, output] of [...stages, "image_embeds"].entries())
      expectClose(results[output]!.data as Float32Array, await fixture.floats(references[i]!), tolerance, output);
    await session.close();
    await packed.close();
  });

  it("from an image to its vector, near in 8 and 4 bits", async () => {
    const fixture = await openFixture(folder);
    const reference = unitVector(await fixture.floats("pooled"));
    for (const weights of ["fp32", "int8", "int4"] as const) {
      const model = await loadImageEncoder(folder, { weights, threads: 1 });
      expect(cosine(await model.embedImage(drawn([75, 50])), reference)).toBeGreaterThan(0.999);
      await model.close();
    }
  });
});

describe("a model without words", () => {
  const folder = join(repository, "test/golden/dinov2/smaller");
  it("says what it is good for", async () => {
    const model = await loadImageEncoder(folder, { weights: "fp32", threads: 1 });
    const refused = ocellusError("unsupported", { modelType: "dinov2", supported: ["images"] });
    await expect(model.embedText("a dog")).rejects.toThrow(refused);
    await expect(model.embedCounted("a dog")).rejects.toThrow(refused);
    await model.close();
    await expect(loadClassifier(folder)).rejects.toThrow(ocellusError("unsupported", { kind: "image_encoder" }));
    const vit = join(repository, "test/golden/vit/gelu");
    await expect(loadModel(vit)).rejects.toThrow(ocellusError("unsupported", { kind: "classifier" }));
    await expect(loadModel(folder)).rejects.toThrow(ocellusError("unsupported", { kind: "image_encoder" }));
    await expect(loadImageEncoder(vit)).rejects.toThrow(ocellusError("unsupported", { kind: "classifier" }));
  });
});
