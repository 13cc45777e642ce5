/**
 * The families that read text only against Hugging Face transformers in fp32, by the make_golden.py of their golden folders.
 *
 * Tolerance: as in parity.test.ts; the largest relative error measured is below 1e-5.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import { expectClose } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture, openTapped, prefill } from "./support/parity.js";

const tolerance = 2e-5;

const cases = {
  qwen3: ["tied-gqa", "untied-mha", "biased"],
  llama: ["tied-gqa", "untied-biased", "stretched"],
  qwen3_5_text: ["tied-interval", "untied-equal-heads", "full-first-biased", "wide-kernel", "one-layer-each"],
};
const folders = Object.entries(cases).flatMap(([family, names]) => names.map((name) => `${family}/${name}`));

describe.each(folders)("%s equals transformers in fp32", (name) => {
  const folder = join(repository, "test/golden", name);
  const weights = join(folder, "model.safetensors");
  let fixture: Fixture;
  let packed: PackedModel;
  beforeAll(async () => {
    fixture = await openFixture(folder);
    packed = await openExact(weights, join(temporaryFolder(), "packed"));
  });
  afterAll(() => packed?.close());

  it("in each decoder layer and the logits", async () => {
    const ids = await fixture.numbers("input_ids");
    const embeds = new Float32Array(ids.length * packed.family.dimensions(packed.config).hiddenSize);
    await packed.embedding.read(ids, embeds, 0);
    const layers = Array.from({ length: fixture.count("layers") }, (_, n) => `model.layers.${n}.Add_1`);
    const decoder = await openTapped(packed, weights, "decoder", layers);
    const results = await prefill(packed, decoder, { embeds, positions: indexPositions }, layers);
    for (const [n, layer] of layers.entries()) {
      expectClose(results[layer]!.data as Float32Array, await fixture.floats(`layers.${n}`), tolerance, layer);
    }
    expectClose(results.logits!.data as Float32Array, await fixture.floats("logits"), tolerance, "logits");
    await decoder.close();
  });

  it("in 32 greedy tokens", async () => {
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    const engine = new Engine(new DecoderRunner(packed, decoder, { numSlots: 1, maxLength: 512 }));
    const promptIds = await fixture.numbers("input_ids");
    const payload = { images: [], positions: indexPositions };
    const tokens = await tokensOf(engine, { promptIds, payload, sampling: {}, maxTokens: 32, stopTokenIds: [] });
    expect(tokens).toEqual(await fixture.numbers("greedy_ids"));
    await engine.close();
    await decoder.close();
  });
});
