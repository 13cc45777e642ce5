/** LoRA adapters merged into checkpoints, against PEFT's own merge in fp32 (golden/adapters/make_golden.py). */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  type Checkpoint,
  checkpointDigest,
  openCheckpoint,
  openAdapter as openWith,
  writeSafetensors,
} from "../src/core/checkpoint/index.js";
import { patternMatcher } from "../src/core/grammar/index.js";
import { familyOf } from "../src/core/models/index.js";
import { pack, parsePlan, withAdapter } from "../src/core/pack/index.js";
import { loadModel, openAdapter } from "../src/core/runtime/index.js";
import { elementCount, float32Tensor, toFloat32 } from "../src/core/tensor/index.js";
import { adapterReport } from "../src/inspect/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

const golden = join(repository, "test/golden");
const { cases } = JSON.parse(await readFile(join(golden, "adapters/made-by.json"), "utf8")) as {
  cases: Record<string, { base: string; moved: number }>;
};
const folder = temporaryFolder();
vi.stubEnv("OCELLUS_CACHE", folder);

async function values(source: Checkpoint, name: string): Promise<Float32Array> {
  const { bytes, dtype } = await source.read(name);
  return toFloat32(bytes, dtype);
}

async function opened(name: string, adapterFolder = join(golden, "adapters", name)) {
  const path = join(golden, "whole", cases[name]!.base);
  const base = await openCheckpoint(path);
  const adapter = await openAdapter(adapterFolder);
  const merged = await withAdapter(base, adapter);
  const { canonicalName } = familyOf(await base.readJson("config.json"));
  const close = async () => void (await Promise.all([base.close(), adapter.close()]));
  return { path, base, adapter, merged, canonicalName, close };
}

/** A copy of the plain adapter with another config, or other tensors. */
async function changed(config: object, rename: (name: string) => string = (name) => name): Promise<string> {
  const copy = join(folder, `adapter-${Math.random().toString(36).slice(2)}`);
  await cp(join(golden, "adapters/plain"), copy, { recursive: true });
  const path = join(copy, "adapter_config.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...config }));
  const file = join(copy, "adapter_model.safetensors");
  const source = await openCheckpoint(join(golden, "adapters/plain/adapter_model.safetensors"));
  const tensors = await Promise.all(
    [...source.names()].map(async (name) => ({ ...(await source.read(name)), name: rename(name) })),
  );
  await source.close();
  await writeSafetensors(file, tensors);
  return copy;
}

describe.each(Object.keys(cases))("the adapter %s", (name) => {
  it("makes the weights that PEFT makes, moves no other, and reads in pieces what it reads whole", async () => {
    const { base, merged, canonicalName, close } = await opened(name);
    const expected = await openCheckpoint(join(golden, "adapters", name, "merged.safetensors"));
    const names = new Map([...base.names()].map((each) => [canonicalName(each), each]));
    const moved = new Map([...expected.names()].map((each) => [names.get(canonicalName(each)), each]));
    moved.delete(undefined); // a tied head, which is the embedding's second name
    expect(moved.size).toBeGreaterThan(0);
    for (const each of base.names()) {
      const reference = moved.get(each);
      const found = await values(merged, each);
      const wanted = reference === undefined ? await values(base, each) : await values(expected, reference);
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
      expect(worst, each).toBeLessThanOrEqual(reference === undefined ? 0 : 2e-6 * largest); // PEFT sums in fp32
      const count = elementCount(merged.info(each)!.shape);
      const [start, end] = [Math.floor(count / 7), Math.ceil(count / 2)];
      const { dtype } = merged.info(each)!;
      expect(toFloat32(await merged.readRange(each, start, end), dtype)).toEqual(found.subarray(start, end));
    }
    await expected.close();
    await close();
  });

  it("is told of by the norms of what it moves", async () => {
    const { path, base, merged, adapter, close } = await opened(name);
    const { tensors, digest } = await adapterReport(path, join(golden, "adapters", name));
    expect(digest).toBe(adapter.digest);
    expect(tensors.length).toBe(adapter.targets.length);
    for (const { tensor, deltaNorm, weightNorm, ratio } of tensors) {
      const [before, after] = [await values(base, tensor), await values(merged, tensor)];
      const norm = (of: Float32Array) => Math.sqrt(of.reduce((sum, value) => sum + value * value, 0));
      expect(weightNorm / norm(before)).toBeCloseTo(1, 5);
      expect(deltaNorm).toBeCloseTo(norm(after.map((value, i) => value - before[i]!)), 4);
      expect(ratio).toBeCloseTo(deltaNorm / weightNorm, 9);
    }
    await close();
  });
});

describe("an adapter that PEFT would merge in another way", () => {
  it.each([
    [{ peft_type: "IA3" }, "peft_type"],
    [{ use_dora: true }, "use_dora"],
    [{ init_lora_weights: "pissa_niter_16" }, "init_lora_weights"],
    [{ lora_bias: true }, "lora_bias"],
    [{ layer_replication: [[0, 2]] }, "layer_replication"],
    [{ trainable_token_indices: [1] }, "trainable_token_indices"],
    [{ target_parameters: ["experts"] }, "target_parameters"],
    [{ somethingOfTomorrow: 1 }, "somethingOfTomorrow"],
  ])("is refused by the name of the field: %j", async (config, field) => {
    await expect(openAdapter(await changed(config))).rejects.toMatchObject({ code: "unsupported", details: { field } });
  });

  it("is refused by the name of a tensor, of a rank, and of a module", async () => {
    const dora = await changed({}, (name) =>
      name.replace(/layers\.0(.*)q_proj\.lora_A\.weight/, "layers.0$1q_proj.lora_magnitude_vector"),
    );
    await expect(openAdapter(dora)).rejects.toMatchObject({ details: { tensor: expect.stringContaining("q_proj") } });
    await expect(openAdapter(await changed({ r: 8 }))).rejects.toMatchObject({
      code: "invalid_file",
      details: { expected: "rank 8", found: expect.stringContaining("4") },
    });
    await expect(openAdapter(await changed({ target_modules: ["q_proj"] }))).rejects.toMatchObject({
      code: "invalid_file",
      details: { found: expect.stringContaining("v_proj") },
    });
    await expect(openAdapter(await changed({ r: "4" }))).rejects.toMatchObject({ details: { field: "r" } });
  });

  it("is refused where it belongs to another model, or the model is quantised", async () => {
    const other = await openCheckpoint(join(golden, "whole/qwen3"));
    const adapter = await openAdapter(join(golden, "adapters/all-linear"));
    await expect(withAdapter(other, adapter)).rejects.toMatchObject({
      code: "invalid_file",
      details: { target: expect.any(String), expected: expect.any(String) },
    });
    const renamed = await openAdapter(
      await changed({ target_modules: "all-linear" }, (name) => name.replace("q_proj", "o_proj")),
    );
    const base = await openCheckpoint(join(golden, "whole/qwen2_vl"));
    await withAdapter(base, renamed); // a module that is there
    const quantised = await openCheckpoint(join(golden, "quantize/awq-g64"));
    await expect(withAdapter(quantised, adapter)).rejects.toMatchObject({
      code: "unsupported",
      details: { found: "awq" },
    });
    await Promise.all([other, adapter, renamed, base, quantised].map((each) => each.close()));
  });

  it("is refused by the name of a target that no graph reads: a head that is stored and tied all the same", async () => {
    const { path, canonicalName, close, base } = await opened("plain");
    const both = join(folder, "tied-and-stored");
    await cp(path, both, { recursive: true });
    const tensors = await Promise.all([...base.names()].map((name) => base.read(name)));
    const table = tensors.find(({ name }) => canonicalName(name).endsWith("embed_tokens.weight"))!;
    await writeSafetensors(join(both, "model.safetensors"), [...tensors, { ...table, name: "lm_head.weight" }]);
    const adapterFolder = join(folder, "adapter-of-the-head");
    await cp(join(golden, "adapters/plain"), adapterFolder, { recursive: true });
    await writeSafetensors(join(adapterFolder, "adapter_model.safetensors"), [
      { ...table, name: "base_model.model.lm_head.modules_to_save.weight" },
    ]);
    const [tied, adapter] = [await openCheckpoint(both), await openAdapter(adapterFolder)];
    await expect(withAdapter(tied, adapter)).rejects.toMatchObject({
      ...{ code: "unsupported", details: { target: "lm_head.weight" } },
    });
    await Promise.all([tied.close(), adapter.close(), close()]);
  });

  it("has bounded patterns, each compiled once", async () => {
    const keys = Array.from({ length: 4097 }, (_, i) => [`layers\\.${i}\\..*`, 4]);
    await expect(openAdapter(await changed({ rank_pattern: Object.fromEntries(keys) }))).rejects.toMatchObject({
      ...{ code: "invalid_file", details: { field: "rank_pattern" } },
    });
    const compiled: string[] = [];
    const many = await changed({ alpha_pattern: Object.fromEntries(keys.slice(0, 20)) });
    const adapter = await openWith(many, (pattern) => {
      compiled.push(pattern);
      return patternMatcher(pattern);
    });
    await adapter.close();
    expect(compiled.length).toBeGreaterThan(0);
    expect(new Set(compiled).size).toBe(compiled.length);
  });

  it("is refused without its files", async () => {
    await expect(openAdapter(join(golden, "whole/qwen3"))).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a packed model", () => {
  it("has the adapter in its digest and in its answers", async () => {
    const { base, merged, path, adapter, close } = await opened("all-linear");
    expect(await checkpointDigest(merged)).not.toBe(await checkpointDigest(base));
    const louder = await openAdapter(await changed({ lora_alpha: 9 }));
    const quiet = await openAdapter(join(golden, "adapters/plain"));
    expect(louder.digest).not.toBe(quiet.digest);
    await quiet.close();
    const plan = parsePlan("fp32", {});
    const [plain, adapted, again] = [
      await pack(path, { plan }),
      await pack(path, { plan, adapter }),
      await pack(path, { plan, adapter }),
    ];
    expect(adapted.path).not.toBe(plain.path);
    expect(again).toMatchObject({ path: adapted.path, written: false });
    expect(adapted.notes.join("\n")).toContain("24 matrices moved, 21 tensors replaced");
    const logprobs = async (packed: string) => {
      const model = await loadModel(packed, { device: "cpu" });
      const { tokens } = await model.answer([{ role: "user", content: "What is it?" }], {
        maxTokens: 1,
        sampling: { temperature: 0, logprobs: true, top_logprobs: 5 },
      });
      await model.close();
      return tokens[0]!.topLogprobs!;
    };
    // The same weights, written as a checkpoint and packed from there, answer the same.
    const copy = join(folder, "merged-copy");
    await cp(path, copy, { recursive: true });
    const tensors = await Promise.all(
      [...merged.names()].map(async (each) =>
        float32Tensor(each, merged.info(each)!.shape, await values(merged, each)),
      ),
    );
    await writeSafetensors(join(copy, "model.safetensors"), tensors);
    const written = await pack(copy, { plan });
    expect(await logprobs(adapted.path)).toEqual(await logprobs(written.path));
    expect(await logprobs(adapted.path)).not.toEqual(await logprobs(plain.path));
    await louder.close();
    await close();
  });
});
