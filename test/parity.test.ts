/**
 * qwen3_vl_resampler, stage by stage against PyTorch in fp32. The fixtures come from training/golden.py, which runs the
 * reference training/modeling_qwen3_vl_resampler.py on the weights as stored: three random tiny models that differ in head
 * counts, tying and spelling of names, and the bundled demo model.
 *
 * Tolerance: the largest relative error measured over all cases and stages is 2e-6 (float32 sums in another order,
 * 2-core x86-64, 2026-11); 1e-5 leaves room for other CPUs and is ten times tighter than the 1e-4 we aim for.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import { encodeImage } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { fixtureRequest, tokensOf } from "./support/decoder.js";
import { goldenFolder, repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture, openTapped, prefill } from "./support/parity.js";

const tolerance = 1e-5;
const cases = [
  { name: "gqa-tied", weights: join(goldenFolder, "gqa-tied") },
  { name: "mha-untied", weights: join(goldenFolder, "mha-untied") },
  { name: "short-names", weights: join(goldenFolder, "short-names") },
  { name: "ocellus-tiny", weights: join(repository, "checkpoints/ocellus-tiny") },
];

describe.each(cases)("$name equals PyTorch in fp32", ({ name, weights }) => {
  const folder = temporaryFolder();
  let fixture: Fixture;
  let packed: PackedModel;

  beforeAll(async () => {
    fixture = await openFixture(join(goldenFolder, name));
    packed = await openExact(weights, join(folder, "packed"));
  });
  afterAll(() => packed?.close());

  it("in the vision tower and the resampler", async () => {
    const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
    const data = await fixture.floats("pixel_values");
    const grid = { rows: 8, columns: 8 };
    const { outputs } = await encodeImage(vision, packed, { data, shape: [64, data.length / 64], grid });
    for (const stage of ["vision_features", "visual_tokens"]) {
      expectClose(outputs[stage]!, await fixture.floats(stage), tolerance, stage);
    }
    await vision.close();
  });

  it("in each decoder layer and the logits", async () => {
    const layers = Array.from({ length: fixture.count("hidden_states") }, (_, n) => `language_model.layers.${n}.Add_1`);
    const decoder = await openTapped(packed, weights, "decoder", layers);
    const input = { embeds: await fixture.floats("inputs_embeds"), positions: indexPositions };
    const results = await prefill(packed, decoder, input, layers);
    for (const [n, layer] of layers.entries()) {
      expectClose(results[layer]!.data as Float32Array, await fixture.floats(`hidden_states.${n}`), tolerance, layer);
    }
    expectClose(results.logits!.data as Float32Array, await fixture.floats("logits"), tolerance, "logits");
    await decoder.close();
  });

  it("in 64 greedy tokens, whether the prompt is read whole or in chunks", async () => {
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    for (const prefillChunk of [512, 7]) {
      const engine = new Engine(new DecoderRunner(packed, decoder, { numSlots: 2, maxLength: 512 }), { prefillChunk });
      expect(await tokensOf(engine, await fixtureRequest(packed, name))).toEqual(await fixture.numbers("greedy_ids"));
      await engine.close();
    }
    await decoder.close();
  });
});
