import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { openCheckpoint, writeSafetensors } from "../checkpoint/index.js";
import { restoredRows, type WeightsSource } from "../quantize/index.js";
import { byteLength, toFloat32, type WeightFormat } from "../tensor/index.js";
import { plannedBytes } from "./layout.js";
import { manifestSchema } from "./manifest.js";
import { autoPlan } from "./matrix-groups.js";
import { openPacked } from "./open-packed.js";
import { storedFormatOf } from "./open-weights.js";
import { pack } from "./pack.js";
import { embeddingWeightsOptions, formatOf, type PackingPlan, parsePlan, webPlan, weightsOptions } from "./plan.js";
import { planGraphs, readModel } from "./read-model.js";

const golden = join(import.meta.dirname, "../../../test/golden/qwen3_vl_resampler");
const root = mkdtempSync(join(tmpdir(), "ocellus-pack-"));
vi.stubEnv("OCELLUS_CACHE", join(root, "cache"));
afterAll(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function embeddingRow(packedPath: string, id: number, hiddenSize: number): Promise<Float32Array> {
  const packed = await openPacked(packedPath);
  const out = new Float32Array(hiddenSize);
  await packed.embedding.read([id], out, 0);
  await packed.close();
  return out;
}

/** The checkpoint again, but NaN is the first value of `tensor`. */
async function copyWithNaN(from: string, folder: string, tensor: string): Promise<void> {
  const checkpoint = await openCheckpoint(from);
  const tensors = await Promise.all([...checkpoint.names()].map((name) => checkpoint.read(name)));
  await checkpoint.close();
  const copies = tensors.map((found) => ({ ...found, bytes: found.bytes.slice() }));
  new DataView(copies.find(({ name }) => name === tensor)!.bytes.buffer).setFloat32(0, Number.NaN, true);
  await writeSafetensors(join(folder, "model.safetensors"), copies);
}

describe("packing", () => {
  it("finds what it packed before, and packs again when the checkpoint or the plan changes", async () => {
    const source = join(root, "source");
    mkdirSync(source);
    for (const name of readdirSync(join(golden, "gqa-tied")))
      writeFileSync(join(source, name), readFileSync(join(golden, "gqa-tied", name)));
    rmSync(join(source, "fixture.safetensors"));
    const first = await pack(source, { plan: parsePlan("int4") });
    expect(first.written).toBe(true);
    expect(await pack(source, { plan: parsePlan("int4") })).toEqual({ ...first, written: false });
    expect((await pack(source, { plan: parsePlan("int4", { blockSize: 64 }) })).path).not.toBe(first.path);
    const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    writeFileSync(join(source, "config.json"), JSON.stringify({ ...config, note: "changed" }));
    expect((await pack(source, { plan: parsePlan("int4") })).written).toBe(true);
  });

  it.each([
    ["gqa-tied", "fp32", {}, "f32"],
    ["gqa-tied", "int8", {}, "int8"],
    ["gqa-tied", "int4", {}, "int8"],
    ["gqa-tied", "int4", { embeddingWeights: "int4" }, "int4"],
    ["mha-untied", "fp16", {}, "f32"], // its own dtype
    ["mha-untied", "int8", { embeddingWeights: "int4" }, "int8"],
    ["mha-untied", "int4", {}, "int8"],
    ["mha-untied", "int4", { embeddingWeights: "int4", blockSize: 128 }, "int4"],
    ["mha-untied", "int4", { embeddingWeights: "int4", zeroPoints: true }, "int4"],
    ["mha-untied", "nf4", { embeddingWeights: "int4" }, "int4"],
  ] as const)("gives the token embedding rows of %s in %s %o as %s", async (name, weights, options, kind) => {
    const checkpoint = await openCheckpoint(join(golden, name, "model.safetensors"));
    const table = "language_model.embed_tokens.weight";
    const [, hiddenSize] = checkpoint.info(table)!.shape;
    const expected = toFloat32(await checkpoint.readRange(table, 7 * hiddenSize!, 8 * hiddenSize!), "f32");
    await checkpoint.close();
    const plan = parsePlan(weights, options);
    const into = join(root, `${name}-${weights}-${JSON.stringify(options)}`);
    const { path } = await pack(join(golden, name, "model.safetensors"), { plan, into });
    const row = await embeddingRow(path, 7, hiddenSize!);
    const format = kind === "f32" ? ({ kind } as const) : formatOf(plan, { name: table, part: "embedding" });
    expect(format.kind).toBe(kind);
    expect(row).toEqual(restoredRows({ values: expected, rows: 1, columns: hiddenSize! }, format));
    const largest = Math.max(...expected.map(Math.abs));
    const tolerance = { f32: 0, int8: 1 / 127, int4: 1 / 7 }[kind]; // one step of the codes
    for (const [i, value] of row.entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(tolerance * largest);
  });

  it("keeps table and head in the format asked for, tied or not, and not above what the rest has", () => {
    const kinds = (plan: PackingPlan) => {
      const parts = ["embedding", "head"] as const;
      return [...new Set(parts.map((part) => formatOf(plan, { name: "any", part }).kind))];
    };
    for (const weights of ["int4", "nf4", "nf4-double"])
      expect(kinds(parsePlan(weights, { embeddingWeights: "int4" }))).toEqual(["int4"]);
    expect(kinds(parsePlan("int8", { embeddingWeights: "int4" }))).toEqual(["int8"]);
    expect(kinds(autoPlan(new Map(), { visionWeights: "int8", embeddingWeights: "int4" }))).toEqual(["int4"]);
  });

  it("counts an untied table in what a plan will write", async () => {
    const source = join(golden, "mha-untied/model.safetensors");
    for (const embeddingWeights of embeddingWeightsOptions) {
      const plan = parsePlan("int4", { embeddingWeights });
      const checkpoint = await openCheckpoint(source);
      const planned = plannedBytes(await readModel(checkpoint), plan);
      await checkpoint.close();
      const { path } = await pack(source, { plan, into: join(root, `counted-${embeddingWeights}`) });
      const packed = await openCheckpoint(path);
      const infos = [...packed.names()].map((name) => packed.info(name)!);
      await packed.close();
      expect(infos.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0)).toBe(planned);
    }
  });

  it.each([
    ...["clip/gelu", "vit/gelu", "qwen3/untied-mha", "qwen3/tied-gqa", "qwen3_vl/untied-two-pictures"],
    ...[
      "idefics3/split",
      "internvl/qwen3-norms",
      "smolvlm/tied-gqa",
      "qwen2_vl/flat-two-images",
      "qwen2_5_vl/edge-windows",
      "qwen3_vl/wide-grid",
      "qwen3_vl_resampler/mha-untied",
      "qwen3_vl_resampler/gqa-tied",
      "qwen3_5/tied-one-image",
      "minicpmv4_6/v-sliced",
    ],
  ])("gives four bits to the decoder's layers of %s and to nothing else, unless asked to", async (name) => {
    const checkpoint = await openCheckpoint(join(golden, "..", name, "model.safetensors"));
    const model = await readModel(checkpoint).finally(() => checkpoint.close());
    const { parts } = model.family;
    const graphs = Object.values(planGraphs(model, parsePlan("int4")));
    const narrow = graphs
      .flatMap(({ initializers }) => initializers)
      .flatMap(({ source }) => {
        return "tensors" in source && source.format.kind === "int4" ? source.tensors : [];
      });
    expect([...new Set(narrow.map(parts))]).toEqual(model.family.kind === "language" ? ["decoder"] : []);
  });

  it("keeps eight bits in the products that a family says lose most, but four where four are stored", async () => {
    const checkpoint = await openCheckpoint(join(golden, "../qwen3_5_text/tied-interval"));
    const { family, weights } = await readModel(checkpoint).finally(() => checkpoint.close());
    const kindOf = (name: string, stored?: WeightFormat) => {
      const exactFormat = () => stored;
      const source = { info: weights.info.bind(weights), stored: { method: "gptq", names: [], exactFormat } };
      const ofModel = { family, weights: source as unknown as WeightsSource };
      return storedFormatOf(parsePlan("int4"), `model.layers.0.${name}.weight`, ofModel).kind;
    };
    for (const name of ["linear_attn.in_proj_qkv", "linear_attn.out_proj"]) {
      expect(kindOf(name)).toBe("int8");
      expect(kindOf(name, { kind: "int4", blockSize: 128 })).toBe("int4");
    }
    for (const name of ["linear_attn.in_proj_z", "self_attn.o_proj", "mlp.down_proj"])
      expect(kindOf(name)).toBe("int4");
  });

  it.each(["vision", "text", "connector"] as const)("keeps the %s part in the format asked for", (part) => {
    expect(formatOf(parsePlan("int4"), { name: "any", part }).kind).toBe("int8");
    expect(formatOf(parsePlan("int4", { visionWeights: "fp16" }), { name: "any", part }).kind).toBe("f16");
    expect(formatOf(parsePlan("int4", { visionWeights: "same" }), { name: "any", part }).kind).toBe("int4");
  });

  it("keeps rows that are no whole blocks of NF4 in eight bits", () => {
    const [whole, broken] = [128, 96].map((columns) =>
      formatOf(parsePlan("nf4-double"), { name: "any", part: "decoder", columns }),
    );
    expect([whole, broken!.kind]).toEqual([{ kind: "nf4", blockSize: 64, nested: true }, "int8"]);
  });

  it("lists for browsers each file that they fetch, with the digests of its parts, and is not taken for one for Node", async () => {
    const source = join(golden, "gqa-tied");
    const into = join(root, "for-web");
    const options = { plan: webPlan({}), into, forWeb: true };
    expect(await pack(source, options)).toMatchObject({ path: into, written: true });
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(into, "packed.json"), "utf8")));
    const { list, part_bytes } = manifest.files!;
    const fetched = readdirSync(into).filter((name) => name !== "packed.json" && !name.endsWith(".onnx"));
    expect(list.map(({ name }) => name)).toEqual(fetched.sort());
    for (const { name, bytes, parts } of list) {
      const file = readFileSync(join(into, name));
      const starts = Array.from({ length: Math.ceil(file.length / part_bytes) }, (_, i) => i * part_bytes);
      const digests = starts.map((start) => createHash("sha256").update(file.subarray(start, start + part_bytes)));
      expect({ name, bytes, parts }).toEqual({
        name,
        bytes: file.length,
        parts: digests.map((hash) => hash.digest("hex")),
      });
    }
    expect(await pack(source, options)).toMatchObject({ written: false });
    const forNode = join(root, "for-node");
    await pack(source, { plan: webPlan({}), into: forNode });
    await expect(pack(source, { ...options, into: forNode })).rejects.toThrow(
      ocellusError("invalid_request", { path: forNode, field: "files" }),
    );
    expect((await pack(source, { plan: webPlan({}), forWeb: true })).path).not.toBe(
      (await pack(source, { plan: webPlan({}) })).path,
    );
  });

  it("has one copy of the decoder for browsers, in the block size of their fused kernels", () => {
    expect(webPlan({})).toMatchObject({
      weights: "int4",
      blockSize: 32,
      visionWeights: "int8",
      prefillWeights: "same",
    });
    expect(() => webPlan({ prefillWeights: "int8" })).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });

  it("leaves nothing behind when it is aborted", async () => {
    const into = join(root, "aborted");
    const controller = new AbortController();
    const options = { plan: parsePlan("int8"), into, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(pack(join(golden, "gqa-tied/model.safetensors"), options)).rejects.toMatchObject({ code: "aborted" });
    expect(readdirSync(root).filter((name) => name.startsWith("aborted"))).toEqual([]);
  });

  it("neither uses nor replaces a folder that is not a packed model", async () => {
    const into = join(root, "mine");
    mkdirSync(into);
    writeFileSync(join(into, "thesis.txt"), "years of work");
    const options = { plan: parsePlan("int8"), into, force: true };
    await expect(pack(join(golden, "gqa-tied/model.safetensors"), options)).rejects.toThrow(
      ocellusError("invalid_request", { path: into }),
    );
    expect(existsSync(join(into, "thesis.txt"))).toBe(true);
  });

  it("does not replace the folder that it reads, or one around it", async () => {
    const source = join(root, "around/checkpoint");
    cpSync(join(golden, "gqa-tied"), source, { recursive: true });
    for (const into of [source, join(root, "around")])
      await expect(pack(source, { plan: parsePlan("int8"), into, force: true })).rejects.toThrow(
        ocellusError("invalid_request", { reason: "holds_source", path: into }),
      );
    expect(existsSync(join(source, "config.json"))).toBe(true);
  });

  it("refuses a checkpoint that holds a tensor in both spellings, or lacks one", async () => {
    const folder = join(root, "spellings");
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), readFileSync(join(golden, "gqa-tied/config.json")));
    const names = ["language_model.layers.0.mlp.w1.weight", "language_model.layers.0.mlp.gate_proj.weight"];
    const tensors = names.map((name) => ({ name, dtype: "u8" as const, shape: [1], bytes: new Uint8Array(1) }));
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    await expect(pack(folder, { plan: parsePlan("fp32") })).rejects.toThrow(
      ocellusError("invalid_file", { tensor: names[0], spellings: names }),
    );
    await writeSafetensors(join(folder, "model.safetensors"), tensors.slice(1));
    await expect(pack(folder, { plan: parsePlan("fp32") })).rejects.toThrow(
      ocellusError("invalid_file", { tensor: "vision_tower.patch_embed.proj.weight", expected: [32, 3, 14, 14] }),
    );
  });

  it.each([
    ["a norm", "language_model.layers.0.input_layernorm.weight"],
    ["the raw embedding table", "language_model.embed_tokens.weight"],
    ["a matrix", "language_model.layers.0.mlp.w1.weight"],
  ])("refuses %s that is not finite by name, in every format, and leaves nothing behind", async (_, tensor) => {
    const source = join(root, `broken-${tensor}`);
    mkdirSync(source);
    writeFileSync(join(source, "config.json"), readFileSync(join(golden, "mha-untied/config.json")));
    await copyWithNaN(join(golden, "mha-untied/model.safetensors"), source, tensor);
    for (const weights of weightsOptions) {
      const into = join(root, `broken-${tensor}-${weights}`);
      await expect(pack(source, { plan: parsePlan(weights), into })).rejects.toThrow(
        ocellusError("invalid_file", { tensor, row: 0, column: 0, value: "NaN" }),
      );
      expect(existsSync(into)).toBe(false);
    }
  });

  it("says what is wrong with a folder that is not packed", async () => {
    await expect(openPacked(join(golden, "gqa-tied-bin"))).rejects.toThrow(
      ocellusError("invalid_file", { file: "packed.json", found: "nothing" }),
    );
  });
});
