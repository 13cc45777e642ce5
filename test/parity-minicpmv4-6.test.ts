/**
 * minicpmv4_6 and minicpm_ocr against Hugging Face transformers in fp32, by test/golden/minicpmv4_6/make_golden.py: every stage, with and
 * without the window merger, slices, several images, a second turn, and that faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import type { Graph, Node } from "../src/core/graph/index.js";
import type { HostInput } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { relativeError } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openChanged, openExact, openFixture } from "./support/parity.js";
import {
  describeVisionParity,
  encodeAll,
  expectFar,
  expectSecondTurn,
  type GoldenImage,
  logitsAfter,
  payloadOf,
  slicedImages,
  tolerance,
} from "./support/vision-parity.js";

const tower = "model.vision_tower";
const stagesOf = (fixture: Fixture) => ({
  embedded: `${tower}.embeddings.Add`,
  ...Object.fromEntries(
    Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [
      `vision_blocks.${n}`,
      `${tower}.encoder.layers.${n}.Add_1`,
    ]),
  ),
  ...(fixture.has("vit_merger") && { vit_merger: `${tower}.vit_merger.Reshape_2` }),
  features: `${tower}.post_layernorm.LayerNormalization`,
});

describeVisionParity({
  folder: "minicpmv4_6",
  cases: ["v-sliced", "v-two-images", "v-second-turn", "v-4x", "ocr-sliced", "ocr-two-images", "ocr-16x"],
  ...{ images: slicedImages, stages: stagesOf, divergence: { int8: 0.05, int4: 0.7 } },
  layer: (n) => `model.language_model.layers.${n}.Add_1`,
});

describe("minicpmv4_6/v-two-images", () => {
  const folder = join(repository, "test/golden/minicpmv4_6/v-two-images");
  const weights = join(folder, "model.safetensors");
  let [packed, vision, fixture, images]: [PackedModel?, GraphSession?, Fixture?, GoldenImage[]?] = [];
  beforeAll(async () => {
    packed = await openExact(weights, join(temporaryFolder(), "packed"));
    vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
    fixture = await openFixture(folder);
    images = await slicedImages(fixture, packed);
  });
  afterAll(async () => {
    await vision?.close();
    await packed?.close();
  });

  type Inputs = Readonly<Record<string, HostInput>>;
  /** Of the image in slices, through a graph or with inputs that are changed: far from the reference. */
  async function expectFault(what: string, { graph = vision!, inputs = (own: Inputs) => own } = {}) {
    const { family } = packed!;
    const own = family.image!;
    const changed = { ...own, inputs: (...given: Parameters<typeof own.inputs>) => inputs(own.inputs(...given)) };
    const [encoded] = await encodeAll({ ...packed!, family: { ...family, image: changed } }, graph, [images![1]!]);
    const reference = await fixture!.floats("visual_tokens");
    expectFar(encoded!.visualTokens, reference.subarray(reference.length - encoded!.visualTokens.length), what);
  }

  /** The patches of a view in another order; their places follow them if `withPlaces`. */
  function reordered(
    { pixel_values: pixels, place_ids: places }: Inputs,
    order: (i: number) => number,
    withPlaces: boolean,
  ) {
    const { data, shape } = pixels as HostInput & { dtype: "f32" };
    const [, count, width] = shape as [number, number, number];
    const from = (i: number) => i - (i % count) + order(i % count);
    const rows = data.map((_, i) => data[from(Math.floor(i / width)) * width + (i % width)]!);
    const ids = (places as HostInput & { dtype: "i64" }).data;
    return {
      pixel_values: { dtype: "f32", shape, data: rows },
      place_ids: { dtype: "i64", shape: places!.shape, data: withPlaces ? ids.map((_, i) => ids[order(i)]!) : ids },
    } as const;
  }

  it.each<[string, (inputs: Inputs) => Inputs]>([
    ["patches of a block by columns", (own) => reordered(own, (i) => (i & ~3) | ((i & 1) << 1) | ((i & 2) >> 1), true)],
    ["blocks of a block by columns", (own) => reordered(own, (i) => (i & ~12) | ((i & 4) << 1) | ((i & 8) >> 1), true)],
    ["patches without their places", (own) => reordered(own, (i) => i ^ 5, false)],
    [
      "each patch in the place of its own row and column of the table",
      (own) => ({
        ...own,
        place_ids: {
          dtype: "i64",
          shape: own.place_ids!.shape,
          data: Array.from({ length: own.place_ids!.shape[0]! }, (_, i) => i),
        },
      }),
    ],
  ])("is far from the reference with %s", async (what, inputs) => {
    await expectFault(what, { inputs });
  });

  const nodeOf = (graph: Graph, name: string, change: (node: Node) => Node): Graph => {
    expect(graph.nodes.filter((node) => node.name === name)).toHaveLength(1);
    return { ...graph, nodes: graph.nodes.map((node) => (node.name === name ? change(node) : node)) };
  };
  const reading = (at: number, name: string) => (node: Node) => ({
    ...node,
    inputs: node.inputs.map((value, i) => (i === at ? { ...value!, name } : value)),
  });

  const merger = `${tower}.vit_merger`;
  it.each<[string, string, (node: Node) => Node]>([
    ["no residual around the window's attention", `${merger}.Add`, reading(0, `${merger}.self_attn.out_proj.Add`)],
    ["the mean left out", `${merger}.Add_4`, reading(1, `${merger}.linear_2.Add`)],
    ["the mean of a block taken for its sum", `${merger}.Mul`, (node) => ({ ...node, op: "Add" })],
  ])("is far from the reference with %s", async (what, name, change) => {
    const graph = await openChanged(packed!, weights, "vision", (own) => nodeOf(own, name, change));
    await expectFault(what, { graph });
    await graph.close();
  });

  it.each<[string, string, string]>([
    ["the exact GELU in the window merger", `${merger}.FastGelu`, "Gelu"],
    ["tanh's GELU in the last merger", "model.merger.mlp.0.Gelu", "FastGelu"],
  ])("is beyond the tolerance with %s", async (_, name, op) => {
    const graph = await openChanged(packed!, weights, "vision", (own) =>
      nodeOf(own, name, (node) => ({ ...node, op })),
    );
    const [encoded] = await encodeAll(packed!, graph, images!);
    const reference = await fixture!.floats("visual_tokens");
    const found = relativeError(encoded!.visualTokens, reference.subarray(0, encoded!.visualTokens.length));
    expect(found).toBeGreaterThan(3 * tolerance);
    await graph.close();
  });

  it("is far from the reference with the window merger a layer later, or with the images exchanged", async () => {
    const { config } = packed!;
    const later = { ...(config as object), insert_layer_id: 1 };
    const graph = await openChanged({ ...packed!, config: later } as PackedModel, weights, "vision", (own) => own);
    await expectFault("a layer later", { graph });
    await graph.close();
    const encoded = await encodeAll(packed!, vision!, images!);
    const ids = await fixture!.numbers("input_ids");
    const all = encoded[1]!.visualTokens;
    const rows = all.length / 7; // an overview of one token, two slices of three
    const moved = { ...encoded[1]!, visualTokens: Float32Array.from(all, (_, i) => all[(i + rows) % all.length]!) };
    const payload = payloadOf(packed!, ids, images!, [encoded[0]!, moved]);
    expectFar(
      await logitsAfter(packed!, ids, payload),
      await fixture!.floats("logits"),
      "the overview behind its slices",
    );
  });
});

it("gives the reference's logits and answers in a second turn", async () => {
  const folder = join(repository, "test/golden/minicpmv4_6/v-second-turn");
  const packed = await openExact(join(folder, "model.safetensors"), join(temporaryFolder(), "packed"));
  const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  await expectSecondTurn(folder, packed, vision, slicedImages);
  await Promise.all([vision.close(), packed.close()]);
});
