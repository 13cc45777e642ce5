/**
 * idefics2 against Hugging Face transformers in fp32, by test/golden/idefics2/make_golden.py: every stage, a second turn, and that
 * faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import type { Graph, Node } from "../src/core/graph/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { graphsHere } from "../src/core/runtime/open.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { lookAgain } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openChanged, openExact, openFixture } from "./support/parity.js";
import { viewedImages } from "./support/viewed-images.js";
import {
  describeVisionParity,
  encodeAll,
  expectFar,
  logitsAfter,
  payloadOf,
  tolerance,
  withRunner,
} from "./support/vision-parity.js";

const named = (fixture: Fixture, prefix: string, node: (n: number) => string) =>
  Object.fromEntries(Array.from({ length: fixture.count(prefix) }, (_, n) => [`${prefix}.${n}`, node(n)]));
const resampler = "model.connector.perceiver_resampler";

const stagesOf = (fixture: Fixture) => ({
  embedded: "model.vision_model.embeddings.Add",
  ...named(fixture, "vision_blocks", (n) => `model.vision_model.encoder.layers.${n}.Add_1`),
  features: "model.vision_model.post_layernorm.LayerNormalization",
  context: "model.connector.modality_projection.down_proj.FusedMatMul",
  ...named(fixture, "resampler_layers", (n) => `${resampler}.layers.${n}.Add_1`),
});

describeVisionParity({
  ...{ folder: "idefics2", cases: ["quarters", "whole", "perceiver-defaults"], images: viewedImages, stages: stagesOf },
  ...{ divergence: { int8: 0.15, int4: 0.55 }, layer: (n) => `model.text_model.layers.${n}.Add_1` },
});

describe("idefics2/quarters", () => {
  const folder = join(repository, "test/golden/idefics2/quarters");
  const weights = join(folder, "model.safetensors");
  let packed: PackedModel;
  let vision: GraphSession;
  beforeAll(async () => {
    packed = await openExact(weights, join(temporaryFolder(), "packed"));
    vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  });
  afterAll(async () => {
    await vision?.close();
    await packed?.close();
  });

  it("gives the reference's logits and answers in a second turn", async () => {
    const fixture = await openFixture(folder, "second-turn");
    const images = await viewedImages(fixture, packed);
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
  });

  const changed = (graph: Graph, name: string, change: (node: Node) => Node): Graph => {
    const found = graph.nodes.filter((node) => node.name === name);
    expect(found).toHaveLength(1);
    return { ...graph, nodes: graph.nodes.map((node) => (node === found[0] ? change(node) : node)) };
  };

  it.each<[string, (graph: Graph) => Graph]>([
    [
      "latents left out of the keys",
      (graph) =>
        changed(graph, `${resampler}.layers.0.Concat`, (node) => ({
          ...node,
          inputs: [node.inputs[0], node.inputs[0]],
        })),
    ],
    [
      "neighbouring heads of queries reading neighbouring keys",
      (graph) => {
        const heads = graph.initializers.find(({ value }) => value.name === "i64(0,0,1,1)")!;
        const turned = { bytes: new Uint8Array(BigInt64Array.from([0n, 1n, 0n, 1n]).buffer) };
        const initializers = graph.initializers.map((each) => (each === heads ? { ...each, source: turned } : each));
        return { ...graph, initializers };
      },
    ],
    [
      "the context of each layer not normalised",
      (graph) =>
        changed(graph, `${resampler}.layers.0.Concat`, (node) => ({
          ...node,
          inputs: [
            { ...node.inputs[0]!, name: "model.connector.modality_projection.down_proj.FusedMatMul" },
            node.inputs[1],
          ],
        })),
    ],
  ])("is far from the reference with %s", async (what, change) => {
    const fixture = await openFixture(folder);
    const [image] = await viewedImages(fixture, packed);
    const graph = await openChanged(packed, weights, "vision", change);
    const [encoded] = await encodeAll(packed, graph, [image!]);
    await graph.close();
    const reference = await fixture.floats("visual_tokens");
    expectFar(encoded!.visualTokens, reference.subarray(0, encoded!.visualTokens.length), what);
  });

  it("is far from the reference with the whole before its quarters, or quarters by columns", async () => {
    const fixture = await openFixture(folder);
    const images = await viewedImages(fixture, packed);
    const encoded = await encodeAll(packed, vision, images);
    const ids = await fixture.numbers("input_ids");
    const { visualTokens: tokens } = encoded[0]!;
    const size = tokens.length / 5;
    for (const order of [
      [4, 0, 1, 2, 3],
      [0, 2, 1, 3, 4],
    ]) {
      // biome-ignore format: one thought
      const moved = Float32Array.from(order.flatMap((view) => [...tokens.subarray(view * size, (view + 1) * size)]));
      const payload = payloadOf(packed, ids, images, [{ ...encoded[0]!, visualTokens: moved }, encoded[1]!]);
      expectFar(await logitsAfter(packed, ids, payload), await fixture.floats("logits"), order.join());
    }
  });

  it("tells where each query looked in the whole, layer by layer", async () => {
    const images = await viewedImages(await openFixture(folder), packed);
    const looks = await lookAgain(
      images.map(({ pixels }) => ({ pixels: async () => pixels })),
      packed,
      { open: graphsHere(packed, 1) },
    );
    for (const [i, layers] of looks.entries()) {
      const { rows, columns } = images[i]!.pixels.grid;
      expect(layers.map(({ numHeads, numQueries, numKeys }) => [numHeads, numQueries, numKeys])).toEqual(
        Array(3).fill([4, 4, rows * columns + 4]),
      );
      const [{ probabilities, numKeys }] = layers as [(typeof layers)[number]];
      expect(probabilities.subarray(0, numKeys).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    }
  });
});
