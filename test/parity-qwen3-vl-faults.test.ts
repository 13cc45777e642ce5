/**
 * That the parity tests of qwen3_vl would notice two faults which leave a model plausible: positions interpolated from
 * half-pixel centres, and the two kinds of GELU confused. Each fault is put into what the vision graph is made of or fed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { float32, int64 } from "../src/core/backend/index.js";
import type { Graph } from "../src/core/graph/index.js";
import type { ImageGrid, PixelValues } from "../src/core/image/spec/index.js";
import type { HostInput } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { expectClose, relativeError } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, openChanged, openExact, openFixture } from "./support/parity.js";

const tolerance = 2e-5; // as in parity-qwen3-vl.test.ts
const weights = join(repository, "test/golden/qwen3_vl/tied-one-picture");
const outputs = ["visual_tokens", "deepstack.0", "deepstack.1", "deepstack.2"] as const;

const folder = temporaryFolder();
let fixture: Fixture;
let packed: PackedModel;
let pixels: PixelValues;
let side: number;

beforeAll(async () => {
  fixture = await openFixture(weights);
  packed = await openExact(join(weights, "model.safetensors"), join(folder, "packed"));
  const [, rows, columns] = (await fixture.numbers("image_grid_thw")) as [number, number, number];
  const data = await fixture.floats("pixel_values");
  pixels = { data, shape: [rows * columns, 1536], grid: { rows, columns } };
  const config = JSON.parse(readFileSync(join(weights, "config.json"), "utf8"));
  side = Math.sqrt(config.vision_config.num_position_embeddings);
});
afterAll(() => packed?.close());

type Inputs = Readonly<Record<string, HostInput>>;

/** The vision graph, built again and changed, under the family's inputs, changed. */
async function encode(changeGraph: (graph: Graph) => Graph, changeInputs: (inputs: Inputs) => Inputs) {
  const session = await openChanged(packed, join(weights, "model.safetensors"), "vision", changeGraph);
  const inputs = Object.entries(changeInputs(packed.family.image!.inputs(packed.config, pixels)));
  const feeds = inputs.map(([name, { dtype, data, shape }]) => [
    name,
    dtype === "f32" ? float32(data, shape) : int64(data, shape),
  ]);
  const results = await session.run(
    Object.fromEntries(feeds),
    Object.fromEntries(outputs.map((output) => [output, null])),
  );
  const copies = outputs.map((output) => (results[output]!.data as Float32Array).slice());
  await session.close();
  return copies;
}

const same = <T>(value: T): T => value;

/** Every output is off by more than so many times the tolerance under which it passes when it is right. */
async function expectAllFar(actual: readonly Float32Array[], times: number): Promise<void> {
  for (const [i, output] of outputs.entries()) {
    expect(relativeError(actual[i]!, await fixture.floats(output)), output).toBeGreaterThan(times * tolerance);
  }
}

/**
 * The four corners and weights of every patch in merge order, with patch `i` of `count` at `placeOf(i, count)` of the
 * table: written independently of the family, so that the right rule can be seen to give the family's own inputs.
 */
function interpolated({ rows, columns }: ImageGrid, placeOf: (i: number, count: number) => number): Inputs {
  const corners = [0, 1, 2, 3].map((corner) => {
    const [down, right] = [corner >> 1, corner & 1];
    const along = (i: number, count: number, second: number) => {
      const at = Math.min(Math.max(placeOf(i, count), 0), side - 1);
      const low = Math.floor(at);
      return { index: Math.min(low + second, side - 1), weight: second ? at - low : 1 - (at - low) };
    };
    const patches = Array.from({ length: rows * columns }, (_, n) => {
      const [block, within] = [n >> 2, n & 3];
      const y = along(2 * Math.floor(block / (columns / 2)) + (within >> 1), rows, down);
      const x = along(2 * (block % (columns / 2)) + (within & 1), columns, right);
      return { index: y.index * side + x.index, weight: y.weight * x.weight };
    });
    return patches;
  });
  const n = rows * columns;
  const flat = corners.flat();
  return {
    pos_indices: { dtype: "i64", shape: [4, n], data: flat.map(({ index }) => index) },
    pos_weights: { dtype: "f32", shape: [4, n, 1], data: Float32Array.from(flat, ({ weight }) => weight) },
  };
}

const endsOnEnds = (i: number, count: number) => (i * (side - 1)) / (count - 1);
const halfPixel = (i: number, count: number) => ((i + 0.5) * side) / count - 0.5;

it("equals the reference as it stands, and under positions interpolated ends on ends by the test itself", async () => {
  for (const change of [same, (inputs: Inputs) => ({ ...inputs, ...interpolated(pixels.grid, endsOnEnds) })]) {
    const actual = await encode(same, change);
    for (const [i, output] of outputs.entries())
      expectClose(actual[i]!, await fixture.floats(output), tolerance, output);
  }
});

it("is far from the reference when positions are interpolated from half-pixel centres", async () => {
  await expectAllFar(await encode(same, (inputs) => ({ ...inputs, ...interpolated(pixels.grid, halfPixel) })), 100);
});

/** The kinds differ by 5e-4 at most at any input, so a wrong one cannot show as 100 tolerances: measured 1.1e-4 to 2.1e-4. */
const geluTimes = 5;

const renamed =
  (from: string, to: string, count: number) =>
  (graph: Graph): Graph => {
    expect(
      graph.nodes.filter((node) => node.op === from),
      `${from} in the graph`,
    ).toHaveLength(count);
    return { ...graph, nodes: graph.nodes.map((node) => (node.op === from ? { ...node, op: to } : node)) };
  };

it("misses the reference with the tanh GELU in the mergers", async () => {
  await expectAllFar(await encode(renamed("Gelu", "FastGelu", 4), same), geluTimes);
});

it("misses the reference with the erf GELU in the blocks", async () => {
  await expectAllFar(await encode(renamed("FastGelu", "Gelu", 4), same), geluTimes);
});
