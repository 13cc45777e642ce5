/**
 * What a trace tells of qwen3_vl_resampler: where the queries looked, against PyTorch (test/golden/qwen3_vl_resampler/
 * make_attention.py); and that the graph with those further outputs is the packed one, over the packed weights.
 *
 * Tolerance of a probability: 5e-6 absolute; the largest difference measured is 6e-7 (float32, 2-core x86-64, 2026-11).
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { withAttention } from "../src/core/graph/index.js";
import type { PixelValues } from "../src/core/image/spec/index.js";
import { encodeStored, type PackedModel, storedGraphs } from "../src/core/pack/index.js";
import {
  image,
  loadModel,
  type QueryAttention,
  type Trace,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { graphsHere } from "../src/core/runtime/open.js";
import { encodeImage, lookAgain } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { goldenFolder, repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";

const folder = temporaryFolder();
const grid = { rows: 8, columns: 8 };

function rowSums({ probabilities, numKeys }: QueryAttention): number[] {
  return Array.from({ length: probabilities.length / numKeys }, (_, row) =>
    probabilities.subarray(row * numKeys, (row + 1) * numKeys).reduce((sum, p) => sum + p, 0),
  );
}

describe("the attention of queries", () => {
  let fixture: Fixture;
  let packed: PackedModel;
  beforeAll(async () => {
    fixture = await openFixture(join(goldenFolder, "mha-untied"));
    packed = await openExact(join(goldenFolder, "mha-untied"), join(folder, "packed"));
  });
  afterAll(() => packed?.close());

  it("equals PyTorch in each layer and head, and each row sums to one", async () => {
    const reference = await openFixture(join(goldenFolder, "mha-untied"), "attention");
    const data = await fixture.floats("pixel_values");
    const pixels: PixelValues = { data, shape: [64, data.length / 64], grid };
    const [layers] = await lookAgain([{ pixels: async () => pixels }], packed, { open: graphsHere(packed, 1) });
    expect(layers!.length).toBe(reference.count("layers"));
    for (const [n, layer] of layers!.entries()) {
      const { numHeads, numQueries, numKeys, probabilities } = layer;
      expect([numHeads, numQueries, numKeys]).toEqual([2, 32, 64 + 32]);
      const wanted = await reference.floats(`layers.${n}`);
      expect(probabilities.length).toBe(wanted.length);
      const differences = probabilities.map((p, i) => Math.abs(p - wanted[i]!));
      expect(Math.max(...differences), `layer ${n}`).toBeLessThan(5e-6);
      for (const sum of rowSums(layer)) expect(sum).toBeCloseTo(1, 5);
    }
  });

  it("comes out of the graph that sees: its other outputs are those of the packed one, and no file is written", async () => {
    const before = readdirSync(packed.path);
    const graph = storedGraphs(packed).vision!;
    const traced = withAttention(graph, packed.family.image!.queryAttention!(packed.config));
    const session = await GraphSession.open(encodeStored(traced, packed), { ...oneThread, weightsFolder: packed.path });
    const data = await fixture.floats("pixel_values");
    const { outputs } = await encodeImage(session, packed, { data, shape: [64, data.length / 64], grid });
    for (const stage of ["vision_features", "visual_tokens"])
      expectClose(outputs[stage]!, await fixture.floats(stage), 1e-5, stage);
    await session.close();
    expect(readdirSync(packed.path)).toEqual(before);
  });

  it("is refused for a node that is no attention", () => {
    expect(() => withAttention(storedGraphs(packed).vision!, ["vision_tower.Add"])).toThrow(
      ocellusError("internal", { graph: "vision", missing: ["vision_tower.Add"] }),
    );
  });
});

describe("a trace of the bundled demo model", () => {
  const messages = [
    { role: "user" as const, content: [image(join(repository, "examples/pictures/dress.jpg")), "这是哪种商品？"] },
  ];
  let model: VisionLanguageModel;
  let trace: Trace;
  beforeAll(async () => {
    process.env.OCELLUS_CACHE = join(folder, "cache");
    model = await loadModel(join(repository, "checkpoints/ocellus-tiny"), { device: "cpu", threads: 1 });
    trace = await model.trace(messages, { alternatives: 4 });
  });
  afterAll(() => model?.close());

  it("tells the answer that is given without it, and the token that ended it", async () => {
    const { text, usage } = await model.answer(messages);
    const { promptTokens, completionTokens } = usage; // cached ones differ: the trace read the prompt before
    expect(trace).toMatchObject({ text, usage: { promptTokens, completionTokens }, finishReason: "stop" });
    expect(trace.tokens.map((token) => token.text).join("")).toBe(`${text}<|im_end|>`);
  });

  it("gives each token its probability, and rivals that are less likely, the likeliest first", () => {
    for (const { tokenId, probability, alternatives } of trace.tokens) {
      const all = [probability, ...alternatives.map((rival) => rival.probability)];
      expect(all).toEqual([...all].sort((a, b) => b - a));
      expect(all.reduce((sum, p) => sum + p, 0)).toBeLessThanOrEqual(1 + 1e-6);
      expect(alternatives.length).toBe(4);
      expect(alternatives.map((rival) => rival.tokenId)).not.toContain(tokenId);
    }
  });

  it("has a time for each stage, and the attention of each picture", () => {
    const { readMs, visionMs, prefillMs, decodeMs } = trace.stages;
    for (const ms of [readMs, visionMs, prefillMs, decodeMs]) expect(ms).toBeGreaterThan(0);
    expect(decodeMs).toBeCloseTo(
      trace.tokens.slice(1).reduce((sum, { ms }) => sum + ms, 0),
      6,
    );
    const [picture] = trace.images;
    expect(picture).toMatchObject({ grid, known: false, numTokens: 32 });
    expect(picture!.attention.length).toBeGreaterThan(0);
    for (const layer of picture!.attention) for (const sum of rowSums(layer)) expect(sum).toBeCloseTo(1, 5);
  });

  it("refuses more rivals than are ever told", async () => {
    await expect(model.trace(messages, { alternatives: 20 })).rejects.toThrow(
      ocellusError("invalid_request", { param: "top_logprobs" }),
    );
  });
});
