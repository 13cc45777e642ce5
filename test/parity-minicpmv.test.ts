/**
 * minicpmv against a reference of our own in PyTorch (test/golden/minicpmv/reference.py, as transformers has no class of it), in
 * fp32, one shape for each version: every stage, a second turn, and that faults which leave such a model plausible would show.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import type { Graph, Node } from "../src/core/graph/index.js";
import { batchesOf } from "../src/core/image/spec/index.js";
import type { HostInput } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { graphsHere } from "../src/core/runtime/open.js";
import { type EncodedImage, lookAgain } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
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
} from "./support/vision-parity.js";

const stagesOf = (fixture: Fixture) => ({
  embedded: "vpm.embeddings.Add",
  ...Object.fromEntries(
    Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [
      `vision_blocks.${n}`,
      `vpm.encoder.layers.${n}.Add_1`,
    ]),
  ),
  features: "vpm.post_layernorm.LayerNormalization",
  values: "resampler.ln_kv.LayerNormalization",
});

describeVisionParity({
  ...{ folder: "minicpmv", cases: ["2.6-slices", "4-longrope", "4.5-two-turns"], images: slicedImages },
  ...{ stages: stagesOf, divergence: { int8: 0.01, int4: 0.6 } },
  layer: (n) => `llm.model.layers.${n}.Add_1`,
});

describe("minicpmv/2.6-slices", () => {
  const folder = join(repository, "test/golden/minicpmv/2.6-slices");
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

  /** Of the image in slices, through a graph or with inputs that are changed. */
  const visualTokens = async (image: GoldenImage, { graph = vision!, inputs = (own: Inputs) => own } = {}) => {
    const { family } = packed!;
    const own = family.image!;
    const changed = { ...own, inputs: (...given: Parameters<typeof own.inputs>) => inputs(own.inputs(...given)) };
    const model = { ...packed!, family: { ...family, image: changed } } as PackedModel;
    const [encoded] = await encodeAll(model, graph, [image]);
    return encoded!.visualTokens;
  };
  type Inputs = Readonly<Record<string, HostInput>>;
  const expectFault = async (what: string, ...given: Parameters<typeof visualTokens>) => {
    const found = await visualTokens(...given);
    expectFar(found, (await fixture!.floats("visual_tokens")).subarray(0, found.length), what);
  };

  const floats = (
    inputs: Inputs,
    name: string,
    change: (data: Float32Array, width: number) => Float32Array,
  ): Inputs => {
    const { data, shape } = inputs[name] as HostInput & { dtype: "f32" };
    return { ...inputs, [name]: { dtype: "f32", shape, data: change(data, shape.at(-1)!) } };
  };

  it.each<[string, (inputs: Inputs) => Inputs]>([
    [
      "halves of the sines exchanged: row before column",
      (inputs) =>
        floats(inputs, "sine_places", (data, w) => data.map((_, i) => data[i - (i % w) + ((i + w / 2) % w)]!)),
    ],
    [
      "cosines before sines",
      (inputs) =>
        floats(inputs, "sine_places", (data, w) =>
          data.map((_, i) => data[Math.floor(i / (w / 2)) * (w / 2) + ((i + w / 4) % (w / 2))]!),
        ),
    ],
    ["no sines", (inputs) => floats(inputs, "sine_places", (data) => data.map(() => 0))],
    [
      "places rounded to the nearest, not cut",
      (inputs) => {
        const { shape } = inputs.place_ids as HostInput;
        const [rows, columns] = shape[0] === 20 ? [4, 5] : [3, 4];
        const nearest = (i: number, count: number) => Math.min(5, Math.round((6 * i) / count));
        const place = (i: number) => nearest(Math.floor(i / columns), rows) * 6 + nearest(i % columns, columns);
        return {
          ...inputs,
          place_ids: { dtype: "i64", shape, data: Array.from({ length: shape[0]! }, (_, i) => place(i)) },
        };
      },
    ],
    [
      "each patch in the place of its own row and column of the table",
      (inputs) => {
        const { shape } = inputs.place_ids as HostInput;
        const columns = shape[0] === 20 ? 5 : 4;
        const data = Array.from({ length: shape[0]! }, (_, i) => Math.floor(i / columns) * 6 + (i % columns));
        return { ...inputs, place_ids: { dtype: "i64", shape, data } };
      },
    ],
  ])("is far from the reference with %s", async (what, inputs) => {
    await expectFault(what, images![0]!, { inputs });
  });

  const nodeThat = (graph: Graph, reads: (node: Node) => boolean, change: (node: Node) => Node): Graph => {
    expect(graph.nodes.filter(reads)).toHaveLength(1);
    return { ...graph, nodes: graph.nodes.map((node) => (reads(node) ? change(node) : node)) };
  };

  it.each<[string, (graph: Graph) => Graph]>([
    [
      "positions on the values, too",
      (graph) =>
        nodeThat(
          graph,
          ({ name, inputs }) => name.startsWith("resampler.attn.FusedMatMul") && inputs[0]!.name.includes("ln_kv"),
          (node) => ({ ...node, inputs: [{ ...node.inputs[0]!, name: "resampler.Add" }, node.inputs[1]] }),
        ),
    ],
    [
      "proj transposed",
      (graph) =>
        nodeThat(
          graph,
          ({ inputs }) => inputs[1]?.name === "resampler.proj",
          (node) => ({ ...node, attributes: { ...node.attributes, transB: 1 } }),
        ),
    ],
    [
      "its last norm left out",
      (graph) =>
        nodeThat(
          graph,
          ({ inputs }) => inputs[1]?.name === "resampler.proj",
          (node) => ({
            ...node,
            inputs: [{ ...node.inputs[0]!, name: "resampler.attn.out_proj.Add" }, node.inputs[1]],
          }),
        ),
    ],
  ])("is far from the reference with %s", async (what, change) => {
    const graph = await openChanged(packed!, weights, "vision", change);
    await expectFault(what, images![0]!, { graph });
    await graph.close();
  });

  it("sees each slice by itself, in raster order behind the overview", async () => {
    const { pixels } = images![0]!;
    const width = pixels.shape[1];
    const [overview, slices] = batchesOf(pixels).map(({ data }) => data);
    const size = slices!.length / 6;
    const slice = (i: number) => slices!.subarray(i * size, (i + 1) * size);
    const withData = (parts: readonly Float32Array[]): GoldenImage => ({
      pixels: { ...pixels, data: Float32Array.from(parts.flatMap((part) => [...part])) },
    });
    await expectFault("by columns", withData([overview!, ...[0, 3, 1, 4, 2, 5].map(slice)]));
    const swapped = Float32Array.from(slices!, (_, i) => slices![(Math.floor(i / width) ^ 1) * width + (i % width)]!);
    await expectFault("patches of a slice exchanged", withData([overview!, swapped]));
    const own = await visualTokens(images![0]!);
    const reordered = await visualTokens(withData([overview!, ...[5, 4, 3, 2, 1, 0].map(slice)]));
    const [rows, count] = [own.length / 7, 6];
    for (let i = 0; i < count; i++)
      expectClose(
        reordered.slice((1 + i) * rows, (2 + i) * rows),
        own.slice((count - i) * rows, (count - i + 1) * rows),
        1e-6,
        `slice ${i}`,
      );
  });

  it("is far from the reference with tokens of views exchanged, or another image's number", async () => {
    const encoded = await encodeAll(packed!, vision!, images!);
    const ids = await fixture!.numbers("input_ids");
    const reference = await fixture!.floats("logits");
    const exact = payloadOf(packed!, ids, images!, encoded);
    const all = encoded[0]!.visualTokens;
    const rows = all.length / 7;
    const last = { ...encoded[0]!, visualTokens: Float32Array.from(all, (_, i) => all[(i + rows) % all.length]!) };
    const moved = payloadOf(packed!, ids, images!, [last as EncodedImage, encoded[1]!]);
    expectFar(await logitsAfter(packed!, ids, moved), reference, "the overview behind its slices");
    const renumbered = ids.map((id) => (id === 13 ? 12 : id)); // made-up ids of "1" and "0"
    expect(renumbered).not.toEqual(ids);
    expectFar(await logitsAfter(packed!, renumbered, exact), reference, "the second image as the first");
  });

  it("tells where each query looked in the overview", async () => {
    const seen = images!.map(({ pixels }) => ({ pixels: async () => pixels }));
    const looks = await lookAgain(seen, packed!, { open: graphsHere(packed!, 1) });
    for (const [i, [look]] of looks.entries()) {
      const { rows, columns } = images![i]!.pixels.grid.slices?.overview ?? images![i]!.pixels.grid;
      expect([look!.numHeads, look!.numQueries, look!.numKeys]).toEqual([1, 4, rows * columns]);
      for (let query = 0; query < 4; query++) {
        const row = look!.probabilities.subarray(query * rows * columns, (query + 1) * rows * columns);
        expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      }
    }
  });
});

it("gives the reference's logits and answers in a second turn", async () => {
  const folder = join(repository, "test/golden/minicpmv/4.5-two-turns");
  const packed = await openExact(join(folder, "model.safetensors"), join(temporaryFolder(), "packed"));
  const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  await expectSecondTurn(folder, packed, vision, slicedImages);
  await Promise.all([vision.close(), packed.close()]);
});
