/**
 * The WebGPU device against the CPU and against the golden fixtures, over the machine's adapter or over SwiftShader.
 *
 * Tolerance: in fp32 the largest relative error measured over SwiftShader is 2e-6; 1e-4 leaves room for adapters whose
 * exp and tanh are coarser. With int4 and int8 weights that holds where activations are left exact; as packed, each device
 * rounds them to 8 bits in its own way: measured 4e-2 between the two, 1e-2 to 4e-2 from either to exact activations.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createSlotCache,
  type Device,
  float32,
  GraphSession,
  int64,
  resolveDevice,
  webGpuMemory,
} from "../src/core/backend/index.js";
import { isMissing } from "../src/core/base/prerequisite.testkit.js";
import { createSafetensorsWriter, openCheckpoint } from "../src/core/checkpoint/index.js";
import { Engine, type EngineRequest } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { openPacked, type PackedModel, pack, parsePlan } from "../src/core/pack/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { PlacedImage, SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { encodeImage } from "../src/core/runtime/vision.js";
import { byteLength } from "../src/core/tensor/index.js";
import { expectClose } from "./support/close.js";
import { fixtureRequest, tokensOf } from "./support/decoder.js";
import { goldenFolder, repository, temporaryFolder } from "./support/folders.js";
import { type Fixture, openExact, openExactEncoder, openFixture } from "./support/parity.js";
import { findWebGpu } from "./support/webgpu.js";

const tolerance = 1e-4;
const webGpu = await findWebGpu();
const noWebGpu = isMissing(
  "a WebGPU adapter",
  webGpu.missing === undefined,
  `${webGpu.missing}; apt install chromium libvulkan1`,
);
const maxQueries = webGpu.missing === undefined ? webGpu.maxQueries : 0;
const prefillChunk = Math.min(512, maxQueries);

/** A software driver compiles and runs every shader on the CPU: seconds a session when nothing else runs. */
const patience = { timeout: 300_000 };

describe.skipIf(noWebGpu)("webgpu", patience, () => {
  const folder = temporaryFolder();
  vi.stubEnv("OCELLUS_CACHE", folder);
  const open = (packed: PackedModel, graph: string, device: Device) =>
    GraphSession.open(packed.graphPath(graph), { device, threads: 2 });

  describe("qwen3_vl", () => {
    const weights = join(repository, "test/golden/qwen3_vl/untied-two-pictures");
    let fixture: Fixture;
    let packed: PackedModel;
    let placed: (PlacedImage & { grid: { rows: number; columns: number } })[];
    beforeAll(async () => {
      fixture = await openFixture(weights);
      packed = await openExact(join(weights, "model.safetensors"), join(folder, "qwen3_vl"));
      placed = await encodeImages();
    }, patience.timeout);
    afterAll(() => packed?.close());

    /** Both pictures of the fixture, of 16 and of 12 patches, through the vision graph on the device. */
    async function encodeImages() {
      const vision = await open(packed, "vision", "webgpu");
      const [pixels, grids] = [await fixture.floats("pixel_values"), await fixture.numbers("image_grid_thw")];
      const ids = await fixture.numbers("input_ids");
      const tokenId = packed.family.image!.tokenId(packed.config, () => 0);
      const images: typeof placed = [];
      let [value, token] = [0, 0];
      for (let i = 0; i < grids.length; i += 3) {
        const grid = { rows: grids[i + 1]!, columns: grids[i + 2]! };
        const shape = [grid.rows * grid.columns, 1536] as const;
        const data = pixels.slice(value, value + shape[0] * shape[1]);
        const { visualTokens: tokens, deepstack } = await encodeImage(vision, packed, { data, shape, grid });
        const [start, numTokens] = [ids.indexOf(tokenId, token), shape[0] / 4];
        images.push({ start, numTokens, tokens, deepstack, grid });
        [value, token] = [value + data.length, start + numTokens];
      }
      await vision.close();
      return images;
    }

    it("equals the reference in visual tokens and DeepStack features", async () => {
      const joined = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
      const visualTokens = joined(placed.map(({ tokens }) => tokens));
      expectClose(visualTokens, await fixture.floats("visual_tokens"), tolerance, "visual_tokens");
      for (const layer of [0, 1, 2]) {
        const features = joined(placed.map(({ deepstack }) => deepstack[layer]!));
        expectClose(features, await fixture.floats(`deepstack.${layer}`), tolerance, `deepstack.${layer}`);
      }
    });

    it("equals the reference in 32 greedy tokens beside another sequence, which equals the CPU's", async () => {
      const promptIds = await fixture.numbers("input_ids");
      const positions = packed.family.positions(packed.config, promptIds, placed);
      const request = { promptIds, payload: { images: placed, positions }, maxTokens: 32, ...greedily };
      const other = textRequest(40, 20);
      const [onCpu] = await answers(packed, "cpu", [other]);
      expect(await answers(packed, "webgpu", [request, other])).toEqual([await fixture.numbers("greedy_ids"), onCpu]);
    });
  });

  const greedily = { sampling: {}, stopTokenIds: [] };

  function textRequest(length: number, maxTokens: number): EngineRequest<SequenceInputs> {
    const promptIds = Array.from({ length }, (_, i) => (i * 37 + length) % 250);
    return { promptIds, payload: { images: [], positions: indexPositions }, maxTokens, ...greedily };
  }

  /** Greedy tokens of all requests, run at once. */
  async function answers(
    packed: PackedModel,
    device: Device,
    requests: readonly EngineRequest<SequenceInputs>[],
  ): Promise<number[][]> {
    const decoder = await open(packed, "decoder", device);
    const runner = new DecoderRunner(packed, decoder, { numSlots: requests.length, maxLength: 512 });
    const engine = new Engine(runner, { prefillChunk });
    const tokens = await Promise.all(requests.map((request) => tokensOf(engine, request)));
    await engine.close();
    await runner.close();
    await decoder.close();
    return tokens;
  }

  describe("qwen3_5_text", () => {
    it("equals the reference in 32 greedy tokens of two sequences, states and all, where it is put on the device", async () => {
      const golden = join(repository, "test/golden/qwen3_5_text/wide-kernel");
      const packed = await openExact(join(golden, "model.safetensors"), join(folder, "qwen3_5_text"));
      const fixture = await openFixture(golden);
      const payload = { images: [], positions: indexPositions };
      const request = { promptIds: await fixture.numbers("input_ids"), payload, maxTokens: 32, ...greedily };
      const greedy = await fixture.numbers("greedy_ids");
      expect(await answers(packed, "webgpu", [request, request])).toEqual([greedy, greedy]);
      await packed.close();
    });
  });

  describe("qwen3_vl_resampler", () => {
    const weights = join(goldenFolder, "gqa-tied");

    it("equals the CPU in the visual tokens of a smaller picture", async () => {
      const packed = await openExact(await smallerResampler(weights, join(folder, "smaller")), join(folder, "packed"));
      const image = { data: noise(25 * 588), shape: [25, 588] as const, grid: { rows: 5, columns: 5 } };
      const [onCpu, onWebGpu] = await onBoth(async (device) => {
        const vision = await open(packed, "vision", device);
        const { outputs } = await encodeImage(vision, packed, image);
        await vision.close();
        return outputs;
      });
      for (const stage of ["vision_features", "visual_tokens"])
        expectClose(onWebGpu[stage]!, onCpu[stage]!, tolerance, stage);
      await packed.close();
    });

    it.skipIf(maxQueries < 64)("equals the reference in the visual tokens of 64 patches", async () => {
      const packed = await openExact(weights, join(folder, "resampler-vision"));
      const fixture = await openFixture(weights);
      const data = await fixture.floats("pixel_values");
      const vision = await open(packed, "vision", "webgpu");
      const image = { data, shape: [64, data.length / 64] as const, grid: { rows: 8, columns: 8 } };
      const { visualTokens } = await encodeImage(vision, packed, image);
      expectClose(visualTokens, await fixture.floats("visual_tokens"), tolerance, "visual_tokens");
      await vision.close();
      await packed.close();
    });

    it("equals the reference in 32 greedy tokens beside three other sequences, which equal the CPU's", async () => {
      const packed = await openExact(weights, join(folder, "resampler"));
      const golden = await openFixture(weights);
      const others = [textRequest(3, 5), textRequest(270, 8), textRequest(17, 12)]; // 270: the cache grows
      const onCpu = await answers(packed, "cpu", others);
      const requests = [others[0]!, await fixtureRequest(packed, "gqa-tied", 32), ...others.slice(1)];
      const reference = (await golden.numbers("greedy_ids")).slice(0, 32);
      expect(await answers(packed, "webgpu", requests)).toEqual([onCpu[0], reference, ...onCpu.slice(1)]);
      await packed.close();
    });
  });

  it("keeps keys and values on the device, slot by slot, and grows", async () => {
    const shape = { layers: [{ kind: "kv" as const, kvHeads: 2, headDim: 8 }], numSlots: 4, maxLength: 1000 };
    const cache = createSlotCache({ device: "webgpu", deviceMemory: webGpuMemory }, shape);
    const lent = (first: number, count: number, length: number) =>
      cache.use({ first, count }, { length, cached: [], added: [] }, async ({ past, outputs }) => {
        expect(past["past_key_values.0.value"]).toBe(outputs["present.0.value"]);
        return { key: outputs["present.0.key"]! };
      });
    expect(await lent(0, 1, 10)).toMatchObject({ key: { location: "gpu-buffer", dims: [1, 2, 256, 8] } });
    expect(cache.bytes).toBe(2 * 1 * 2 * 256 * 8 * 4);
    expect(await lent(2, 1, 10)).toMatchObject({ key: { location: "gpu-buffer", dims: [1, 2, 256, 8] } });
    expect(await lent(0, 3, 300)).toMatchObject({ key: { location: "gpu-buffer", dims: [3, 2, 512, 8] } });
    expect(cache.bytes).toBe(2 * (3 + 1) * 2 * 512 * 8 * 4);
    await cache.close();
    expect(cache.bytes).toBe(0);
  });

  it.skipIf(maxQueries === Number.POSITIVE_INFINITY)("is not what auto takes where attention is wrong", async () => {
    expect(await resolveDevice("auto")).toBe("cpu");
  });

  it.each(["int4", "int8"])("reads %s weights of a qwen3 as the CPU does", async (format) => {
    const weights = join(repository, "test/golden/qwen3/tied-gqa");
    const packed = await openPacked(
      (await pack(weights, { plan: parsePlan(format), into: join(folder, format) })).path,
    );
    const exact = exactActivations(packed);
    expectClose(await lastLogits(exact, "webgpu"), await lastLogits(exact, "cpu"), tolerance, "logits");
    expectClose(await lastLogits(packed, "webgpu"), await lastLogits(packed, "cpu"), 6e-2, "logits");
    await packed.close();
  });

  async function lastLogits(packed: PackedModel, device: Device): Promise<Float32Array> {
    const decoder = await open(packed, "decoder", device);
    const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength: 512 });
    const { promptIds: tokens, payload } = textRequest(20, 1);
    const row = { slot: 0, tokens, position: 0, payload, numLogits: 1 };
    const [logits] = await runner.step({ kind: "prefill", rows: [row] });
    await runner.close();
    await decoder.close();
    return logits!;
  }

  it("answers about pictures through loadModel, two at a time, as the CPU does", async () => {
    const answers = async (device: "webgpu" | "cpu") => {
      const model = await loadModel(join(repository, "checkpoints/ocellus-tiny"), { device, maxSequences: 2 });
      expect(model.info.device).toBe(device);
      const ask = (image: string) =>
        model.answer([{ role: "user", content: [{ type: "image", image: join(images, image) }, question] }], {
          sampling: { temperature: 0 },
        });
      const both = await Promise.all([ask("dress.jpg"), ask("shirt.png")]);
      await model.close();
      return both.map(({ text }) => text);
    };
    const [dress, shirt] = await answers("webgpu");
    expect(dress).toBe("A red dotted dress.");
    expect(shirt).not.toBe(dress);
    expect(await answers("cpu")).toEqual([dress, shirt]);
  });

  it("equals the CPU in both towers of clip", async () => {
    const weights = join(repository, "test/golden/clip/gelu");
    const packed = await openExactEncoder(join(weights, "model.safetensors"), join(folder, "clip"));
    const { image_size, patch_size } = JSON.parse(readFileSync(join(weights, "config.json"), "utf8")).vision_config;
    const shape = [(image_size / patch_size) ** 2, 3 * patch_size ** 2] as const;
    const ids = await (await openFixture(weights)).numbers("ids.0");
    const towers = {
      vision: { pixel_values: float32(noise(shape[0] * shape[1]), shape) },
      text: {
        input_ids: int64(ids),
        position_ids: int64(ids.map((_, i) => i)),
        pooled_index: int64([
          packed.family.textRow(packed.config, ids, { id: undefined, side: undefined }).pooledIndex,
        ]),
      },
    };
    for (const [tower, feeds] of Object.entries(towers)) {
      const output = tower === "vision" ? "image_embeds" : "text_embeds";
      const [onCpu, onWebGpu] = await onBoth(async (device) => {
        const session = await GraphSession.open(packed.graphPath(tower), { device, threads: 2 });
        const results = await session.run(feeds, { [output]: null });
        await session.close();
        return results[output]!.data as Float32Array;
      });
      expectClose(onWebGpu, onCpu, tolerance, output);
    }
    await packed.close();
  });
});

const noise = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898));

async function onBoth<T>(body: (device: Device) => Promise<T>): Promise<readonly [T, T]> {
  return [await body("cpu"), await body("webgpu")];
}

const images = join(repository, "examples/pictures");
const question = { type: "text", text: "Describe this product." } as const;

/** The same model with activations left as they are, where the packed decoder lets a device round them to 8 bits. */
function exactActivations(packed: PackedModel): PackedModel {
  const bytes = readFileSync(packed.graphPath("decoder"));
  const name = "accuracy_level";
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
    const value = at + name.length + 1; // behind the tag of AttributeProto.i
    expect(bytes[value]).toBe(4); // int8
    bytes[value] = 1; // fp32
  }
  const path = join(packed.path, "decoder-exact.onnx");
  writeFileSync(path, bytes);
  return { ...packed, graphPath: () => path };
}

/** The checkpoint cut down to pictures of 5×5 patches and 16 queries, so few that every adapter attends to them rightly. */
async function smallerResampler(weights: string, into: string): Promise<string> {
  const rows: Record<string, number> = { "vision_tower.pos_embed": 25, "perceiver_resampler.query": 16 };
  const config = JSON.parse(readFileSync(join(weights, "config.json"), "utf8"));
  config.vision_config.image_size = 70;
  config.resampler_config.num_queries = 16;
  mkdirSync(into);
  writeFileSync(join(into, "config.json"), JSON.stringify(config));
  const whole = await openCheckpoint(weights);
  const infos = [...whole.names()].map((name) => {
    const info = whole.info(name)!;
    return { ...info, shape: [rows[name] ?? info.shape[0]!, ...info.shape.slice(1)] };
  });
  const writer = await createSafetensorsWriter(join(into, "model.safetensors"), infos);
  for (const info of infos) {
    const { bytes } = await whole.read(info.name);
    await writer.write(bytes.subarray(0, byteLength(info.dtype, info.shape)));
  }
  await writer.finish();
  await whole.close();
  return into;
}
