/**
 * qwen2_vl and qwen2_5_vl over two turns and with videos, against Hugging Face transformers in fp32 (test/golden/qwen2_vl/
 * make_golden.py), and that the parity tests would notice faults which leave such a model plausible.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { Engine } from "../src/core/engine/index.js";
import { checkpointCatalog, encodeOnnx, type Graph } from "../src/core/graph/index.js";
import type { HostInput } from "../src/core/models/index.js";
import { buildGraphs, canonicalSource, type PackedModel, packedFiles } from "../src/core/pack/index.js";
import { tokenKeys } from "../src/core/runtime/memory.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { type EncodedImage, encodeImage } from "../src/core/runtime/vision.js";
import { expectClose } from "./support/close.js";
import { tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./support/parity.js";
import { goldenImages } from "./support/qwen2-vl-images.js";
import {
  encodeAll,
  expectFar,
  type GoldenImage,
  logitsAfter,
  payloadOf,
  tolerance,
  withRunner,
} from "./support/vision-parity.js";

const golden = join(repository, "test/golden");

/** A packed case, one of its fixtures, and its images encoded. */
async function opened(name: string, fixtureName: string, imagesOf: (fixture: Fixture) => Promise<GoldenImage[]>) {
  const weights = join(golden, name, "model.safetensors");
  const fixture = await openFixture(join(golden, name), fixtureName);
  const packed = await openExact(weights, join(temporaryFolder(), "packed"));
  const images = await imagesOf(fixture);
  const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  const encoded = await encodeAll(packed, vision, images);
  await vision.close();
  return { weights, fixture, packed, images, encoded };
}

const positionsOf = (payload: SequenceInputs) => payload.positions.axes.flatMap((axis) => [...axis]);

async function greedy(packed: PackedModel, promptIds: number[], payload: SequenceInputs, maxTokens: number) {
  return withRunner(packed, async (runner) => {
    const engine = new Engine(runner, { prefillChunk: 7 });
    const tokens = await tokensOf(engine, { promptIds, payload, sampling: {}, maxTokens, stopTokenIds: [] });
    await engine.close();
    return tokens;
  });
}

describe.each(["qwen2_vl/tied-gqa", "qwen2_5_vl/edge-windows"])("a second turn of %s", (name) => {
  it("has the positions of the whole conversation, and the reference's logits and answer", async () => {
    const { fixture, packed, images, encoded } = await opened(name, "second-turn", goldenImages);
    const parts = await Promise.all(["prompt_ids", "answer_ids", "turn_ids"].map(fixture.numbers));
    const ids = parts.flat();
    const payload = payloadOf(packed, ids, images, encoded);
    expect(positionsOf(payload)).toEqual(await fixture.numbers("position_ids"));
    expect(payload.positions.delta).toBe((await fixture.numbers("delta"))[0]);
    expectClose(await logitsAfter(packed, ids, payload), await fixture.floats("logits"), tolerance, "logits");
    expect(await greedy(packed, ids, payload, 16)).toEqual(await fixture.numbers("greedy_ids"));
    const first = payloadOf(packed, parts[0]!, images.slice(0, 1), encoded);
    expect(await greedy(packed, parts[0]!, first, parts[1]!.length)).toEqual(parts[1]);
    await packed.close();
  });
});

describe.each(["qwen2_vl/flat-two-images", "qwen2_5_vl/flat-two-images"])("videos of %s", (name) => {
  let found: Awaited<ReturnType<typeof opened>>;
  let ids: number[];
  let pairs: GoldenImage[];
  beforeAll(async () => {
    found = await opened(name, "video", async (fixture) => [
      ...(await goldenImages(fixture)),
      ...(await goldenImages(fixture, { pixels: "pixel_values_videos", grids: "video_grid_thw", placeholder: 301 })),
    ]);
    ids = await found.fixture.numbers("input_ids");
    pairs = found.images.slice(1) as GoldenImage[];
  });
  afterAll(() => found?.packed.close());

  it("are encoded pair by pair", async () => {
    const tokens = found.encoded.slice(1).flatMap(({ visualTokens }) => [...visualTokens]);
    expectClose(tokens, await found.fixture.floats("visual_tokens"), tolerance, "visual tokens of the videos");
  });

  it("have steps of time in T, and neither the text nor what is generated waits for them", async () => {
    const { packed, images, encoded, fixture } = found;
    const payload = payloadOf(packed, ids, images, encoded);
    expect(positionsOf(payload)).toEqual(await fixture.numbers("position_ids"));
    expectClose(await logitsAfter(packed, ids, payload), await fixture.floats("logits"), tolerance, "logits");
    const answer = await fixture.numbers("greedy_ids");
    expect(await greedy(packed, ids, payload, 32)).toEqual(answer);
    const [behindAll] = await fixture.numbers("delta"); // the reference's rope_deltas, which its `generate` does not use
    expect(behindAll).toBeGreaterThan(payload.positions.delta);
    const stale = { ...payload, positions: { ...payload.positions, delta: behindAll! } };
    expect(await greedy(packed, ids, stale, 32)).not.toEqual(answer);
  });

  it("are other videos to the prefix cache at another speed", () => {
    const prompt = (seconds: number) => ({
      ids: Int32Array.from(ids),
      images: pairs.map(({ pixels: { grid }, pair }, i) => {
        return { grid, digest: `${i}`, start: i, numTokens: 1, pair: { ...pair!, seconds } } as any;
      }),
    });
    const keysAt = (seconds: number) => tokenKeys(prompt(seconds), ({ digest }) => digest);
    expect(keysAt(2)).toEqual(keysAt(2));
    expect(keysAt(2).slice(0, pairs.length)).not.toEqual(keysAt(1).slice(0, pairs.length));
  });

  it("notice what would be a fault: frames of a pair in the wrong order, pairs that do not move on", async () => {
    const { packed, images, encoded, fixture } = found;
    const { pixels } = pairs[0]!;
    const half = pixels.shape[1] / 6; // columns are channel, frame, pixels of a patch
    const swapped = pixels.data.map((_, i) => pixels.data[i + (Math.floor(i / half) % 2 === 0 ? half : -half)]!);
    const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
    const turned = await encodeImage(vision, packed, { ...pixels, data: swapped });
    await vision.close();
    expectFar(turned.visualTokens, encoded[1]!.visualTokens, "frames of a pair swapped");
    const still = images.map((image) => (image.pair ? { ...image, pair: { index: 0, seconds: 1 } } : image));
    const logits = await logitsAfter(packed, ids, payloadOf(packed, ids, still, encoded));
    expectFar(logits, await fixture.floats("logits"), "pairs each behind the other");
  });
});

describe("a vision encoder that is wrong in one way is far from the reference", () => {
  let found: Awaited<ReturnType<typeof opened>>;
  beforeAll(async () => {
    found = await opened("qwen2_5_vl/edge-windows", "fixture", goldenImages);
  });
  afterAll(() => found?.packed.close());

  type Inputs = Readonly<Record<string, HostInput>>;
  interface Fault {
    readonly config?: (vision: any) => object;
    readonly graph?: (graph: Graph) => Graph;
    readonly inputs?: (inputs: Inputs) => Inputs;
  }

  async function encodeWith({ config = () => ({}), graph = (same) => same, inputs = (same) => same }: Fault) {
    const { packed, weights, images } = found;
    const whole: any = packed.config;
    const changed = { ...whole, vision_config: { ...whole.vision_config, ...config(whole.vision_config) } };
    const checkpoint = await openCheckpoint(weights);
    const stored = await openCheckpoint(join(packed.path, packedFiles.weights));
    const catalog = checkpointCatalog(canonicalSource(checkpoint, packed.family), () => ({ kind: "f32" }));
    const vision = graph(buildGraphs(packed.family, changed, catalog).vision!);
    const path = join(packed.path, "vision-changed.onnx");
    writeFileSync(
      path,
      encodeOnnx(vision, (name) => ({ file: packedFiles.weights, offset: stored.locate(name).offset })),
    );
    await Promise.all([checkpoint.close(), stored.close()]);
    const session = await GraphSession.open(path, oneThread);
    const own = packed.family.image!;
    const image = { ...own, inputs: (_: unknown, pixels: any) => inputs(own.inputs(changed, pixels)) };
    const [encoded] = await encodeAll({ ...packed, family: { ...packed.family, image } }, session, images);
    await session.close();
    return (encoded as EncodedImage).visualTokens;
  }

  const renamed = (from: string, to: string, count: number) => (graph: Graph) => {
    expect(graph.nodes.filter(({ op }) => op === from)).toHaveLength(count);
    return { ...graph, nodes: graph.nodes.map((node) => (node.op === from ? { ...node, op: to } : node)) };
  };
  /** Positions as if patches came in raster order. */
  const rasterRotary = (inputs: Inputs): Inputs => {
    const columns = 14;
    const order = Array.from({ length: 140 }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return 4 * (Math.floor(row / 2) * (columns / 2) + Math.floor(column / 2)) + 2 * (row % 2) + (column % 2);
    });
    const moved = (input: HostInput) => {
      const width = input.shape[1]!;
      const data = order.flatMap((from) => [
        ...(input.data as Float32Array).subarray(from * width, (from + 1) * width),
      ]);
      return { ...input, data: Float32Array.from(data) } as HostInput;
    };
    return { ...inputs, cos: moved(inputs.cos!), sin: moved(inputs.sin!) };
  };

  it("and as it stands it is not", async () => {
    expectClose(await encodeWith({}), await found.fixture.floats("visual_tokens"), tolerance, "as it stands");
  });

  it.each<[string, Fault]>([
    ["every block sees the whole image", { config: () => ({ fullatt_block_indexes: [0, 1, 2, 3] }) }],
    ["no block does", { config: () => ({ fullatt_block_indexes: [] }) }],
    ["another block does", { config: () => ({ fullatt_block_indexes: [1, 2] }) }],
    ["windows of patches, not of merged cells", { config: () => ({ window_size: 16 }) }],
    ["padding of narrow windows is seen", { inputs: (i) => ({ ...i, window_lengths: full(i) }) }],
    ["patches rotated as in raster order", { inputs: rasterRotary }],
    [
      "rows and columns exchanged in the rotation",
      { inputs: (i) => ({ ...i, cos: halves(i.cos!), sin: halves(i.sin!) }) },
    ],
  ])("%s", async (what, fault) => {
    expectFar(await encodeWith(fault), await found.fixture.floats("visual_tokens"), what);
  });

  it("tanh GELU in the merger, whose difference is small", async () => {
    const tokens = await encodeWith({ graph: renamed("Gelu", "FastGelu", 1) });
    const reference = await found.fixture.floats("visual_tokens");
    expect(() => expectClose(tokens, reference, 2 * tolerance, "tanh GELU")).toThrow();
  });

  const full = (inputs: Inputs): HostInput => {
    const [count, widest] = inputs.window_rows!.shape as [number, number];
    return { dtype: "i32", shape: [count], data: new Array<number>(count).fill(widest) };
  };
  const halves = (input: HostInput): HostInput => {
    const width = input.shape[1]!;
    const data = (input.data as Float32Array).map((_, i) => (input.data as Float32Array)[i ^ (width / 2)]!);
    return { ...input, data } as HostInput;
  };

  it("visual tokens left in the order of windows show in the logits, and interleaved sections in the angles", async () => {
    const { packed, fixture, images, encoded } = found;
    const ids = await fixture.numbers("input_ids");
    const { visualTokens } = encoded[0]!;
    const cells = Array.from({ length: 35 }, (_, i) => [Math.floor(i / 7), i % 7] as const);
    const windowOf = ([row, column]: readonly [number, number]) => 2 * Math.floor(row / 4) + Math.floor(column / 4);
    const byWindow = cells.map((_, i) => i).sort((a, b) => windowOf(cells[a]!) - windowOf(cells[b]!) || a - b);
    const width = visualTokens.length / 35;
    const moved = byWindow.flatMap((from) => [...visualTokens.subarray(from * width, (from + 1) * width)]);
    const payload = payloadOf(packed, ids, images, [{ ...encoded[0]!, visualTokens: Float32Array.from(moved) }]);
    expectFar(await logitsAfter(packed, ids, payload), await fixture.floats("logits"), "tokens by window");
    const { axes, delta } = payload.positions;
    const exchanged = { axes: [axes[0]!, axes[2]!, axes[1]!], delta };
    const right = payloadOf(packed, ids, images, encoded);
    const logits = await logitsAfter(packed, ids, { ...right, positions: exchanged });
    expectFar(logits, await fixture.floats("logits"), "rows and columns exchanged in the decoder");
  });
});
