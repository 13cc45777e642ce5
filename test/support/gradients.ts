/**
 * Gradients of a family's small model, block by block, against PyTorch's autograd (test/golden/gradients/make_golden.py): every
 * parameter of its vision encoder, connector, decoder and head, by norm, largest value and four values spread over it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type DeviceTensor, type Feeds, float32, GraphSession, int64 } from "../../src/core/backend/index.js";
import { openCheckpoint } from "../../src/core/checkpoint/index.js";
import { between, encodeOnnx, type Graph, valueNamed, withWeightsAsInputs } from "../../src/core/graph/index.js";
import { batchesOf } from "../../src/core/image/spec/index.js";
import { indexPositions, type LanguageFamily } from "../../src/core/models/index.js";
import { type PackedModel, parsePlan, planGraphs, readModel } from "../../src/core/pack/index.js";
import { feedsOf } from "../../src/core/runtime/vision.js";
import { toFloat32 } from "../../src/core/tensor/index.js";
import { gradientOf, type OpenedGraph, openInPieces, trainingForm } from "../../src/core/train/index.js";
import { repository } from "./folders.js";
import { type Fixture, oneThread, openFixture } from "./parity.js";
import { type GoldenImage, placeImages } from "./vision-parity.js";

/** norm, largest, four values */
type Digest = readonly [norm: number, largest: number, ...values: number[]];
type Golden = Readonly<Record<string, { readonly loss: number; readonly gradients: Readonly<Record<string, Digest>> }>>;
const golden: Golden = JSON.parse(readFileSync(join(repository, "test/golden/gradients/gradients.json"), "utf8"));

/** Cases, `family/name`. Each has a test that names it. */
export const goldenPaths: readonly string[] = Object.keys(golden);

/** Of a gradient's norm or largest value; the largest error measured is 4e-5, of a delta net's gate; elsewhere below 1e-5. */
const tolerance = 1e-4;
/** Of all gradients' norm: what is below it is rounding (a bias of keys, which a softmax does not see). */
const floor = 1e-7;

/** Gradients by name, added up. */
export class Gradients {
  readonly all = new Map<string, Float32Array>();

  add(name: string, values: Float32Array): void {
    const found = this.all.get(name);
    if (found) for (const [i, x] of values.entries()) found[i]! += x;
    else this.all.set(name, values.slice());
  }
}

interface Trainable {
  /** What goes through. */
  readonly input: string;
  /** Inputs whose gradients are given, beside those of all weights. */
  readonly more?: readonly string[];
  /** Outputs whose gradients are fed. Absent: logits, whose loss is computed. */
  readonly of?: readonly string[];
  readonly weights: (name: string) => Promise<Float32Array>;
}

const floats = ({ data }: DeviceTensor) => data as Float32Array;

/** A graph's outputs, and its gradients block by block. */
async function openTrainable(graph: Graph, { input, more = [], of, weights }: Trainable) {
  const form = trainingForm(graph);
  const outputs = of ?? ["logits"];
  const own = between(form, [], outputs.map((name) => valueNamed(form, name))); // biome-ignore format: one thought
  const matrices = own.initializers.filter(({ source }) => "tensors" in source).map(({ value }) => value);
  const held: Record<string, DeviceTensor> = {};
  for (const { name, shape } of matrices) held[name] = float32(await weights(name), shape as number[]);
  const opened = async (each: Graph): Promise<OpenedGraph<DeviceTensor>> => {
    const whole = withWeightsAsInputs(each);
    const session = await GraphSession.open(
      encodeOnnx(whole, () => expect.fail("weights are inputs")),
      { ...oneThread, freesMemory: true },
    );
    const given = (feeds: Feeds) => whole.inputs.map(({ name }) => [name, feeds[name] ?? held[name]!] as const);
    return {
      run: (feeds, wanted) => session.run(Object.fromEntries(given(feeds)), wanted),
      close: () => session.close(),
    };
  };
  const names = matrices.map(({ name }) => name);
  const wrt = [...names, ...more];
  const pieces = await openInPieces(own, { input, wrt, ...(of && { of }) }, opened);
  const forward = of && (await opened(own));
  const wanted = Object.fromEntries(outputs.map((name) => [name, null]));
  return {
    forward: (feeds: Feeds) => forward!.run(feeds, wanted),
    /** Adds the weights' gradients to `into`; gives those of `more`, and the loss. */
    async backward(feeds: Feeds, into: Gradients): Promise<Readonly<Record<string, DeviceTensor>>> {
      const results = await pieces.run(feeds, {});
      for (const name of names) into.add(name, floats(results[gradientOf(name)]!));
      return results;
    },
    close: () => Promise.all([pieces.close(), forward?.close()]),
  };
}

export interface OpenedCase {
  readonly fixture: Fixture;
  readonly family: LanguageFamily;
  readonly config: unknown;
  readonly graphs: Readonly<Record<string, Graph>>;
  readonly weights: (name: string) => Promise<Float32Array>;
}

export async function withCase<T>(path: string, body: (opened: OpenedCase) => Promise<T>): Promise<T> {
  const folder = join(repository, "test/golden", path);
  const checkpoint = await openCheckpoint(join(folder, "model.safetensors"));
  try {
    const model = await readModel(checkpoint);
    const weights = async (name: string) => {
      const { bytes, dtype } = await model.weights.read(name);
      return toFloat32(bytes, dtype);
    };
    const { family, config } = model;
    const graphs = planGraphs(model, parsePlan("fp32"));
    return await body({
      fixture: await openFixture(folder),
      family: family as LanguageFamily,
      config,
      graphs,
      weights,
    });
  } finally {
    await checkpoint.close();
  }
}

/** Tokens of the answer, at the end of the ids. */
const numAnswer = 5;

export type ImagesOf = (fixture: Fixture, model: PackedModel) => Promise<readonly GoldenImage[]>;

export function describeGradients(path: string, imagesOf?: ImagesOf): void {
  it(`of ${path} are PyTorch's`, () =>
    withCase(path, async (opened) => {
      const { loss, gradients } = await languageGradients(opened, imagesOf);
      expect(Math.abs(loss - golden[path]!.loss) / golden[path]!.loss, "loss").toBeLessThan(tolerance);
      expectGolden(path, opened.family, gradients);
    }));
}

async function languageGradients({ fixture, family, config, graphs, weights }: OpenedCase, imagesOf?: ImagesOf) {
  const gradients = new Gradients();
  const model = { family, config } as unknown as PackedModel;
  const ids = await fixture.numbers("input_ids");
  const { hiddenSize: width } = family.dimensions(config);
  const deepstack = Array.from({ length: family.numDeepstack(config) }, (_, n) => `deepstack.${n}`);
  const table = await weights(family.embedTokens);
  const embeds = Float32Array.from(ids.flatMap((id) => [...table.subarray(id * width, (id + 1) * width)]));
  const decoder = await openTrainable(graphs.decoder!, {
    ...{ input: "inputs_embeds", more: ["inputs_embeds", ...deepstack], weights },
  });
  const images = (await imagesOf?.(fixture, model)) ?? [];
  const placed = placeImages(model, ids, images);
  const rows = placed.flatMap(({ spans }) =>
    spans.flatMap(({ start, numTokens }) => Array.from({ length: numTokens }, (_, i) => start + i)),
  );
  const outputs = ["visual_tokens", ...deepstack];
  const vision =
    images.length > 0
      ? await openTrainable(graphs.vision!, { input: "pixel_values", of: outputs, weights })
      : undefined;
  const batches = images
    .flatMap(({ pixels }) => batchesOf(pixels))
    .map((pixels) => feedsOf(family.image!.inputs(config, pixels)));
  const layers = new Map(deepstack.map((name) => [name, new Float32Array(embeds.length)]));
  let at = 0;
  const spans: (readonly number[])[] = [];
  for (const batch of batches) {
    const made = await vision!.forward(batch);
    const own = rows.slice(at, at + floats(made.visual_tokens!).length / width);
    for (const output of outputs)
      for (const [i, row] of own.entries())
        (layers.get(output) ?? embeds).set(floats(made[output]!).subarray(i * width, (i + 1) * width), row * width);
    spans.push(own);
    at += own.length;
  }
  expect(at, "rows of images").toBe(rows.length);
  const positions = placed.length > 0 || family.image ? family.positions(config, ids, placed) : indexPositions;
  const { cos, sin } = family.rotary(config, { start: 0, count: ids.length, positions });
  const angles = (data: Float32Array) => float32(data, [ids.length, data.length / ids.length]);
  const answer = Array.from({ length: numAnswer }, (_, i) => ids.length - numAnswer + i);
  const feeds = {
    ...{ inputs_embeds: float32(embeds, [1, ids.length, width]), cos: angles(cos), sin: angles(sin) },
    position_ids: int64(
      ids.map((_, i) => i),
      [1, ids.length],
    ),
    ...Object.fromEntries([...layers].map(([name, data]) => [name, float32(data, [1, ids.length, width])])),
    logits_rows: int64(answer.map((row) => row - 1)),
    targets: int64(answer.map((row) => ids[row]!)),
    weights: float32(new Float32Array(numAnswer).fill(1 / numAnswer), [numAnswer]),
  };
  const coming = await decoder.backward(feeds, gradients);
  const back = floats(coming[gradientOf("inputs_embeds")]!);
  const ofTable = new Float32Array(table.length);
  const isImage = new Set(rows);
  for (const [i, id] of ids.entries())
    if (!isImage.has(i)) for (let k = 0; k < width; k++) ofTable[id * width + k]! += back[i * width + k]!;
  gradients.add(family.embedTokens, ofTable);
  for (const [n, batch] of batches.entries()) {
    const made = await vision!.forward(batch);
    const seeds = outputs.map((output) => {
      const of = output === "visual_tokens" ? back : floats(coming[gradientOf(output)]!);
      const taken = spans[n]!.flatMap((row) => [...of.subarray(row * width, (row + 1) * width)]);
      return [gradientOf(output), float32(Float32Array.from(taken), made[output]!.dims)] as const;
    });
    await vision!.backward({ ...batch, ...Object.fromEntries(seeds) }, gradients);
  }
  await Promise.all([decoder.close(), vision?.close()]);
  return { loss: floats(coming.loss!)[0]!, gradients };
}

/** A graph of an encoder, what it is fed, and the gradient of its output. */
export interface EncoderGraph {
  readonly graph: string;
  readonly input: string;
  readonly output: string;
  feeds(opened: OpenedCase): Promise<Feeds>;
  /** Default: sin 1, sin 2, … */
  seed?(output: Float32Array): Float32Array;
}

const sines = (output: Float32Array) => output.map((_, i) => Math.sin(i + 1));

export function describeEncoderGradients(path: string, parts: readonly EncoderGraph[]): void {
  it(`of ${path} are PyTorch's`, () =>
    withCase(path, async (opened) => {
      const gradients = new Gradients();
      for (const { graph, input, output, feeds, seed = sines } of parts) {
        const tower = await openTrainable(opened.graphs[graph]!, { input, of: [output], weights: opened.weights });
        const fed = await feeds(opened);
        const made = (await tower.forward(fed))[output]!;
        await tower.backward({ ...fed, [gradientOf(output)]: float32(seed(floats(made)), made.dims) }, gradients);
        await tower.close();
      }
      expectGolden(path, opened.family, gradients);
    }));
}

function expectGolden(path: string, { canonicalName }: LanguageFamily, { all }: Gradients): void {
  const expected = Object.entries(golden[path]!.gradients).map(
    ([name, digest]) => [canonicalName(name), digest] as const,
  );
  expect([...all.keys()].sort(), "parameters with gradients").toEqual(expected.map(([name]) => name).sort());
  const whole = Math.hypot(...expected.map(([, [norm]]) => norm));
  const wrong = expected.flatMap(([name, [norm, largest, ...values]]) => {
    const found = all.get(name)!;
    const norms = Math.abs(Math.hypot(...found) - norm) / (norm + (floor * whole) / tolerance);
    const places = values.map((_, i) => Math.floor((i * (found.length - 1)) / 3));
    const errors = values.map(
      (value, i) => Math.abs(found[places[i]!]! - value) / (largest + (floor * whole) / tolerance),
    );
    const worst = Math.max(norms, ...errors);
    return worst > tolerance || Number.isNaN(worst) ? [`${name}: ${worst}`] : [];
  });
  expect(wrong).toEqual([]);
}
