import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { float32, GraphSession } from "../core/backend/index.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { openCheckpoint } from "../core/checkpoint/index.js";
import { printGraph } from "../core/graph/index.js";
import { pack, parsePlan } from "../core/pack/index.js";
import { elementCount, toFloat32 } from "../core/tensor/index.js";
import { summarizeGraph } from "./graph-summary.js";
import { modelGraphs, writeBareGraphs } from "./model-graphs.js";

const golden = join(import.meta.dirname, "../../test/golden/qwen3_vl_resampler/gqa-tied");
const root = mkdtempSync(join(tmpdir(), "ocellus-graphs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the graphs of a model", () => {
  it("are the same from the checkpoint, from its config alone and from the packed model", async () => {
    const alone = join(root, "alone");
    mkdirSync(alone);
    copyFileSync(join(golden, "config.json"), join(alone, "config.json"));
    const plan = parsePlan("int4", { blockSize: 64 });
    const { path } = await pack(golden, { plan, into: join(root, "packed") });
    const found = [];
    for (const place of [golden, alone, join(alone, "config.json")]) found.push(await modelGraphs(place, plan));
    found.push(await modelGraphs(path, parsePlan("fp32"))); // packed: as it is stored
    expect(found.map(({ source }) => source)).toEqual(["checkpoint", "config", "config", "packed"]);
    const texts = found.map(({ graphs }) => Object.values(graphs).map(printGraph));
    for (const text of texts) expect(text).toEqual(texts[0]);
  });

  it("count each number of the checkpoint once, whatever it is stored in", async () => {
    const checkpoint = await openCheckpoint(golden);
    const total = [...checkpoint.names()].reduce((sum, name) => sum + elementCount(checkpoint.info(name)!.shape), 0);
    await checkpoint.close();
    for (const weights of ["fp32", "fp16", "int8", "int4", "nf4-double"]) {
      const { graphs } = await modelGraphs(golden, parsePlan(weights));
      const summaries = Object.values(graphs).map(summarizeGraph);
      expect(
        summaries.reduce((sum, { numParameters }) => sum + numParameters, 0),
        weights,
      ).toBe(total);
    }
  });

  it("say in numbers what they multiply and in which format", async () => {
    const { graphs } = await modelGraphs(golden, parsePlan("int4"));
    const { ops, products, numNodes } = summarizeGraph(graphs.decoder!);
    // two layers: q+k+v, o, gate, up and down each, and the tied head
    expect(products).toEqual([
      { format: "int4 b32", count: 10, numParameters: 2 * (64 * 64 + 64 * 32 + 3 * 64 * 96), sizeBytes: 30_720 },
      { format: "int8 b32", count: 1, numParameters: 272 * 64, sizeBytes: 19_584 },
    ]);
    expect(ops).toMatchObject({ MatMulNBits: 11, GroupQueryAttention: 2 });
    expect(Object.values(ops).reduce((sum, count) => sum + count, 0)).toBe(numNodes);
  });

  it("refuse what is neither weights nor config", async () => {
    await expect(modelGraphs(root, parsePlan("int4"))).rejects.toThrow(
      ocellusError("not_found", { path: root, found: expect.any(Array) }),
    );
  });
});

describe("graphs written without weights", () => {
  it("load without another file, and see as PyTorch does when given the weights", async () => {
    const { graphs } = await modelGraphs(join(golden, "config.json"), parsePlan("fp32"));
    const into = join(root, "bare");
    await writeBareGraphs(Object.values(graphs), into);
    expect(readdirSync(into).sort()).toEqual(["decoder.onnx", "vision.onnx"]);
    const session = await GraphSession.open(join(into, "vision.onnx"), { device: "cpu", threads: 1 });
    const [weights, fixture] = [
      await openCheckpoint(golden),
      await openCheckpoint(join(golden, "fixture.safetensors")),
    ];
    const floats = async (file: typeof weights, name: string) => {
      const { bytes, dtype, shape } = await file.read(name);
      return { data: toFloat32(bytes, dtype), shape };
    };
    const pixels = await floats(fixture, "pixel_values");
    const feeds = { pixel_values: float32(pixels.data, [1, ...pixels.shape]) };
    for (const { value } of graphs.vision!.initializers.filter(({ source }) => "tensors" in source)) {
      const { data, shape } = await floats(weights, value.name);
      Object.assign(feeds, { [value.name]: float32(data, shape) });
    }
    const { visual_tokens: tokens } = await session.run(feeds, { visual_tokens: null });
    const wanted = (await floats(fixture, "visual_tokens")).data;
    const largest = Math.max(...wanted.map(Math.abs));
    for (const [i, value] of (tokens!.data as Float32Array).entries())
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-5 * largest);
    await Promise.all([session.close(), weights.close(), fixture.close()]);
  });

  it.each(["fp16", "int8", "int4", "nf4", "nf4-double"])("load in %s", async (weights) => {
    const { graphs } = await modelGraphs(join(golden, "config.json"), parsePlan(weights, { visionWeights: "same" }));
    const into = join(root, `bare-${weights}`);
    await writeBareGraphs(Object.values(graphs), into);
    for (const name of Object.keys(graphs)) {
      const session = await GraphSession.open(join(into, `${name}.onnx`), { device: "cpu", threads: 1 });
      await session.close();
    }
  });

  it("are not written into a folder that is there", async () => {
    const into = join(root, "taken");
    mkdirSync(into);
    await expect(writeBareGraphs([], into)).rejects.toThrow(ocellusError("invalid_request", { path: into }));
    expect(existsSync(into) && readdirSync(into)).toEqual([]);
  });
});
