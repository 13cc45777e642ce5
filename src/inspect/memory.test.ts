import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { openCheckpoint } from "../core/checkpoint/index.js";
import { GraphBuilder, recordingCatalog } from "../core/graph/index.js";
import { pack, parsePlan } from "../core/pack/index.js";
import { byteLength } from "../core/tensor/index.js";
import { peakActivationBytes } from "./activations.js";
import { describeCheckpoint } from "./describe.js";
import { estimateMemory } from "./memory.js";
import { config8B, writeCheckpoint } from "./unknown-family.testkit.js";

const repository = resolve(import.meta.dirname, "../..");
const tiny = join(repository, "checkpoints/ocellus-tiny");
const golden = join(repository, "test/golden");
const gigabyte = 1e9;

let folder: string;
let big: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-memory-"));
  big = await writeCheckpoint(join(folder, "8b"), { "a.b": [1] }, config8B); // the estimate asks the config, not the weights
});
afterAll(() => rmSync(folder, { recursive: true }));

const machine = (availableBytes: number, totalBytes = availableBytes) => ({ availableBytes, totalBytes });

describe("the memory estimate", () => {
  it.each(["fp32", "int8", "int4"] as const)("counts the weights as packing writes them: %s", async (weights) => {
    const into = join(folder, `packed-${weights}`);
    await pack(tiny, { plan: parsePlan(weights), into });
    const packed = await openCheckpoint(into);
    const infos = [...packed.names()].map((name) => packed.info(name)!);
    await packed.close();
    const constants = 8 * 64 + 4 * (32 * 32 + 16 * 16); // shapes, indices and Hadamard matrices that live in the graph files
    const stored = infos.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0);
    const { formats } = await estimateMemory(tiny);
    const found = formats.find((f) => f.weights === weights && f.blockSize === 32)!;
    expect(found.weightsBytes - stored).toBeGreaterThanOrEqual(0);
    expect(found.weightsBytes - stored).toBeLessThan(constants);
    const ofPacked = await estimateMemory(into);
    expect(ofPacked.formats.map((f) => [f.weights, f.weightsBytes])).toEqual([[weights, found.weightsBytes]]);
    expect((await describeCheckpoint(into)).config.state).toBe("packed");
  });

  it("knows the cache of the 8B shapes: two times 32 layers, 8 heads, 128 wide, four bytes", async () => {
    const { decoder, vision, formats } = await estimateMemory(big, { contextTokens: 2000, numSequences: 4 });
    expect(decoder).toMatchObject({ cacheBytesPerThousandTokens: 262_144_000, cacheBytes: 8 * 262_144_000 });
    expect(vision).toMatchObject({ numPatches: 64, numTokens: 32 });
    expect(formats.map((f) => Math.round(f.weightsBytes / 1e8) / 10)).toEqual([
      26.5, 26.5, 7.5, 6.8, 4.6, 4, 3.7, 4.2, 4,
    ]);
  });

  it("grows with the picture where the family sees native resolution, and not where it does not", async () => {
    const native = join(golden, "qwen3_vl/wide-grid/model.safetensors");
    const of = async (path: string, side: number) =>
      (await estimateMemory(path, { image: { width: side, height: side } })).vision!;
    const [small, large] = [await of(native, 512), await of(native, 1024)];
    expect([small.numTokens, large.numTokens, large.numPatches]).toEqual([256, 1024, 4096]);
    expect(large.peakBytes / small.peakBytes).toBeCloseTo(4, 1);
    expect(await of(tiny, 512)).toEqual({ ...(await of(tiny, 4000)), image: { width: 512, height: 512 } });
  });

  it("counts halves twice where they run, since they are widened as the model opens", async () => {
    const { formats } = await estimateMemory(big, { contextTokens: 2000 });
    const [fp32, fp16] = ["fp32", "fp16"].map((weights) => formats.find((format) => format.weights === weights)!);
    expect(fp16!.packedBytes / fp32!.packedBytes).toBeCloseTo(0.5, 1);
    expect(fp16!.weightsBytes).toBe(fp32!.weightsBytes);
  });

  it("says whether it fits, and what would", async () => {
    const advised = async (has: ReturnType<typeof machine>) => {
      const { formats, advice } = await estimateMemory(big, { machine: has, contextTokens: 2000 });
      return [formats.map((f) => f.fits).join(" "), ...advice.map(({ text }) => text)];
    };
    expect(await advised(machine(64 * gigabyte))).toEqual(["now now now now now now now now now"]);
    expect(await advised(machine(5.4 * gigabyte))).toEqual([
      "no no no no no now now now now",
      "int4 in blocks of 128, int4 in blocks of 128 with --embedding-weights int4, nf4, nf4-double would fit",
    ]);
    expect(await advised(machine(4.45 * gigabyte))).toEqual([
      "no no no no no no no no no",
      expect.stringMatching(
        /^int4 in blocks of 128 with --embedding-weights int4 and a context of \d{3,4} tokens would fit$/,
      ),
    ]);
    expect(await advised(machine(1 * gigabyte, 7 * gigabyte))).toEqual([
      "no no no no freed freed freed freed freed",
      expect.stringMatching(
        /^int4 in blocks of 128 with --embedding-weights int4 would fit once other programs give back \d\.\d GB$/,
      ),
    ]);
    expect(await advised(machine(1 * gigabyte))).toEqual([
      "no no no no no no no no no",
      expect.stringMatching(
        /^nothing here fits: int4 in blocks of 128 with --embedding-weights int4 lacks \d\.\d GB on this machine$/,
      ),
    ]);
  });

  it("looks at one format where one is meant, and at every one of what is packed where it is asked to", async () => {
    const plan = parsePlan("int8", { blockSize: 64 });
    const { formats, decoder } = await estimateMemory(big, { plan, mostTokens: 1000 });
    expect(formats).toMatchObject([{ weights: "int8", blockSize: 64 }]);
    expect(decoder!.contextTokens).toBe(1000);
    const { decoder: short } = await estimateMemory(tiny, { mostTokens: 1e6 });
    expect(short!.contextTokens).toBe(short!.maxContextTokens);
    const into = join(folder, "packed-all");
    await pack(tiny, { plan: parsePlan("int4"), into });
    expect((await estimateMemory(into, { plan })).formats.map(({ weights }) => weights)).toEqual(["int4"]);
    expect((await estimateMemory(into, { everyFormat: true })).formats).toHaveLength(9);
  });

  it("refuses sizes that no model takes, and families that we do not run", async () => {
    await expect(estimateMemory(tiny, { contextTokens: 1e6 })).rejects.toThrow(
      ocellusError("invalid_request", { field: "contextTokens", least: 1, most: 2048, found: 1e6 }),
    );
    await expect(estimateMemory(tiny, { image: { width: 0, height: 5 } })).rejects.toThrow(
      ocellusError("invalid_request", { field: "image.width", found: 0 }),
    );
    const stranger = await writeCheckpoint(join(folder, "stranger"), { "a.b": [1] }, { model_type: "gpt2" });
    await expect(estimateMemory(stranger)).rejects.toThrow(
      ocellusError("unsupported", { found: "gpt2", supported: expect.arrayContaining(["clip"]) }),
    );
  });
});

describe("the peak of a graph", () => {
  it("counts what lives at once: a reshaped value keeps its source, what is read no more is gone", () => {
    const builder = new GraphBuilder(
      "g",
      recordingCatalog(() => ({ kind: "f32" })),
    );
    const { root } = builder;
    const x = builder.input("x", "f32", ["n", 4]);
    const a = root.op("Add", [x, x]);
    const flat = root.reshape(a, [-1]); // the same bytes as a
    const b = root.op("Mul", [flat, flat]);
    const c = root.op("Add", [b, b]); // x, b and c: a is gone
    builder.output("y", root.op("Mul", [c, c]));
    const one = 4 * 4 * 10;
    expect(peakActivationBytes(builder.build(), { n: 10 })).toBe(3 * one);
    expect(() => peakActivationBytes(builder.build(), {})).toThrow(
      ocellusError("internal", { dimension: expect.stringContaining("n"), known: [] }),
    );
  });
});
