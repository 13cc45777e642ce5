import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { familyOf } from "../core/models/index.js";
import { wantedTensors } from "../core/pack/index.js";
import type { Shape } from "../core/tensor/index.js";
import { describeCheckpoint } from "./describe.js";
import { config8B, writeCheckpoint, writeSparseCheckpoint } from "./unknown-family.testkit.js";

const golden = resolve(import.meta.dirname, "../../test/golden");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-inspect-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The smallest config of our first family, and the shapes that it wants. */
const small = {
  ...config8B,
  vision_config: { depth: 2, hidden_size: 32, intermediate_size: 48, num_heads: 2 },
  resampler_config: {
    num_hidden_layers: 1,
    num_attention_heads: 2,
    hidden_size: 32,
    intermediate_size: 48,
    num_queries: 4,
  },
  text_config: {
    ...{ vocab_size: 40, hidden_size: 24, intermediate_size: 40, num_hidden_layers: 3 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 8 },
  },
};
const wanted = wantedShapes(small);

function wantedShapes(config: unknown): Record<string, Shape> {
  const family = familyOf(config);
  return Object.fromEntries(wantedTensors(family, family.parseConfig(config)));
}

const write = (
  name: string,
  shapes: Record<string, Shape>,
  config: unknown = small,
  value?: (n: string, i: number) => number,
) => writeCheckpoint(join(folder, name), shapes, config, value);

describe("a checkpoint of a family we run", () => {
  it("is told in parts whose sums are the whole", async () => {
    const described = await describeCheckpoint(await write("whole", wanted));
    expect(described.parts.map(({ title, numLayers }) => [title, numLayers])).toEqual([
      ["vision tower", 2],
      ["resampler", 1],
      ["embeddings", 0],
      ["decoder", 3],
    ]);
    const keys = ["numTensors", "numParameters", "sizeBytes"] as const;
    const sums = keys.map((key) => described.parts.reduce((total, part) => total + part[key], 0));
    expect(sums).toEqual(keys.map((key) => described[key]));
    expect(sums).toEqual(keys.map((key) => described.tree[key]));
    expect(described.files.map((file) => file.numTensors)).toEqual([described.numTensors]);
    expect(described.fit).toEqual({
      numWanted: Object.keys(wanted).length,
      missing: [],
      misshapen: [],
      unused: [],
      twice: [],
    });
    expect(described.config).toEqual({ state: "known", modelType: "qwen3_vl_resampler" });
  });

  it("answers what the family's description asks, from shapes", async () => {
    const { answers } = await describeCheckpoint(await write("answers", wanted));
    expect(Object.fromEntries(answers.map((a) => [a.question, a.answer]))).toEqual({
      patch: "14 × 14 pixels → 32, kernel [32, 3, 14, 14]",
      "resampler queries": "4 queries of 32, [4, 32]",
      vocabulary: "40 tokens of 24",
      "first q_proj": "[32, 24]",
      "query to key heads": "2 : 1, grouped (4 heads of queries, 2 of keys, 8 wide)",
    });
  });

  it("collapses layers of equal build into one node, and keeps apart the one that differs", async () => {
    const q = "language_model.layers.1.self_attn.q_proj.weight";
    const same = await describeCheckpoint(await write("same", wanted));
    const layersOf = (d: typeof same) =>
      d.tree.children.find((c) => c.path === "language_model")!.children.find((c) => c.name === "layers")!.children;
    expect(layersOf(same).map(({ name, count }) => [name, count])).toEqual([["0–2", 3]]);
    const odd = await describeCheckpoint(await write("odd", { ...wanted, [q]: [16, 24] }));
    expect(layersOf(odd).map(({ name, count }) => [name, count])).toEqual([
      ["0", 1],
      ["1", 1],
      ["2", 1],
    ]);
    expect(odd.fit!.misshapen).toEqual([{ name: q, expected: [32, 24], found: [16, 24] }]);
  });

  it("names what is missing with the nearest stranger, and why the rest is not read", async () => {
    const { "language_model.norm.weight": norm, ...rest } = wanted;
    const shapes = {
      ...rest,
      "language_model.nrm.weight": norm!,
      "lm_head.weight": [40, 24],
      "language_model.embed_positions.weight": [64, 24],
      "language_model.layers.0.self_attn.rotary_emb.inv_freq": [4],
      "language_model.layers.0.self_attn.q_proj.bias": [32],
    };
    const { fit } = await describeCheckpoint(await write("renamed", shapes));
    expect(fit!.missing).toEqual([
      { name: "language_model.norm.weight", shape: [24], nearest: "language_model.nrm.weight" },
    ]);
    expect(Object.fromEntries(fit!.unused.map((t) => [t.name, t.reason]))).toEqual({
      "language_model.nrm.weight": "unknown",
      "lm_head.weight": "tied_head",
      "language_model.embed_positions.weight": "static_positions",
      "language_model.layers.0.self_attn.rotary_emb.inv_freq": "constant",
      "language_model.layers.0.self_attn.q_proj.bias": "takes_part",
    });
  });

  it("reports fields of its config that the family does not define", async () => {
    const { notes } = await describeCheckpoint(await write("stranger-field", wanted, { ...small, soft_capping: 30 }));
    expect(notes).toEqual([expect.stringContaining("soft_capping")]);
  });

  it("sees through other spellings, and tells when two are present", async () => {
    const ours = "language_model.layers.0.mlp.w1.weight";
    const { [ours]: shape, ...rest } = wanted;
    const other = "language_model.layers.0.mlp.gate_proj.weight";
    const respelled = await describeCheckpoint(await write("respelled", { ...rest, [other]: shape! }));
    expect(respelled.fit).toMatchObject({ missing: [], unused: [] });
    const both = await describeCheckpoint(await write("both", { ...wanted, [other]: shape! }));
    expect(both.fit!.twice).toEqual([{ name: ours, spellings: [ours, other] }]);
  });
});

describe("the head", () => {
  const shapes = { ...wanted, "lm_head.weight": [40, 24] };
  const embedding = "language_model.embed_tokens.weight";

  it("is the table when it is not stored, or equal in every byte, whatever the config says", async () => {
    const absent = await describeCheckpoint(await write("absent", wanted));
    expect(absent.head).toEqual({ embedding, verdict: "absent", comparedBytes: 0, configSaysTied: true });
    const { numParameters, numDistinctParameters, head } = await describeCheckpoint(await write("equal", shapes));
    expect(head).toMatchObject({ head: "lm_head.weight", verdict: "equal", comparedBytes: 40 * 24 * 2 });
    expect(numParameters - numDistinctParameters).toBe(40 * 24);
  });

  it("is of its own when one value differs", async () => {
    const value = (name: string, i: number) => (name === "lm_head.weight" && i === 959 ? 7 : i % 5);
    const { head } = await describeCheckpoint(await write("own", shapes, small, value));
    expect(head).toMatchObject({ verdict: "different" });
  });
});

describe("17 GB in 750 tensors", () => {
  it("are described from headers: nothing is read but samples of the head, which are proved on demand", async () => {
    const config = { ...config8B, text_config: { ...config8B.text_config, num_hidden_layers: 39 } };
    const shapes = new Map(Object.entries(wantedShapes(config)));
    shapes.set("lm_head.weight", [151_936, 4096]).set("language_model.embed_positions.weight", [2048, 4096]);
    const bytes = writeSparseCheckpoint(join(folder, "sparse"), shapes, config);
    expect([Math.round(bytes / 1e9), shapes.size]).toEqual([17, 752]);
    const described = await describeCheckpoint(join(folder, "sparse"));
    expect(described).toMatchObject({ numTensors: 752, sizeBytes: bytes, fit: { missing: [], misshapen: [] } });
    expect(described.files.map((f) => f.numTensors)).toEqual([188, 188, 188, 188]);
    expect(described.head).toMatchObject({ verdict: "equal_samples", comparedBytes: 64 * 8192 * 2 });
  });
});

describe("a stranger's checkpoint", () => {
  it("has names, shapes and parts, and says why there is no more", async () => {
    const shapes = {
      "transformer.wte.weight": [50, 16],
      "transformer.h.0.attn.c_attn.weight": [16, 48],
      "transformer.h.1.attn.c_attn.weight": [16, 48],
      "transformer.ln_f.weight": [16],
      "lm_head.weight": [50, 16],
    };
    const described = await describeCheckpoint(await write("gpt2", shapes, { model_type: "gpt2" }));
    expect(described.parts.map(({ title, numTensors }) => [title, numTensors])).toEqual([
      ["embeddings", 1],
      ["decoder", 3],
      ["head", 1],
    ]);
    expect(described.config).toEqual({
      ...{ state: "unknown", modelType: "gpt2" },
      problem: expect.stringContaining("ocellus families"),
    });
    expect(described.fit).toBeUndefined();
    expect(described.head).toMatchObject({ verdict: "equal" });
  });

  it.each([
    ["absent", undefined, /no config\.json beside the weights/],
    ["invalid", { model_type: "qwen3", vocab_size: "40" }, /vocab_size/],
  ])("is described with its config %s", async (state, config, problem) => {
    const described = await describeCheckpoint(
      await writeCheckpoint(join(folder, `config-${state}`), { "a.b": [2] }, config),
    );
    expect(described.config.state).toBe(state);
    expect(described.config.problem).toMatch(problem);
    expect(described.numParameters).toBe(2);
  });

  it("is called by the file that was named, or by its folder", async () => {
    const path = await write("named", { "a.b": [2] });
    expect((await describeCheckpoint(path)).path).toBe(path);
    const file = join(path, "model.safetensors");
    expect((await describeCheckpoint(file)).path).toBe(file);
  });

  it("is described when its config is not JSON", async () => {
    const path = await write("broken", { "a.b": [2] });
    writeFileSync(join(path, "config.json"), "{");
    expect((await describeCheckpoint(path)).config).toMatchObject({ state: "invalid", problem: /is not JSON/ });
  });
});

describe("the golden checkpoints", () => {
  it.each([
    ["qwen3_vl_resampler/gqa-tied-bin", "2 : 1, grouped (4 heads of queries, 2 of keys, 8 wide)", "absent"],
    ["qwen3_vl_resampler/mha-untied/model.safetensors", /^1 : 1/, "different"],
    ["qwen3_vl/tied-one-picture/model.safetensors", /^\d : 1, grouped/, "absent"],
    ["clip/gelu/model.safetensors", undefined, undefined],
    ["vit/gelu/model.safetensors", undefined, undefined],
  ])("%s are whole", async (name, sharing, verdict) => {
    const { fit, answers, head, parts } = await describeCheckpoint(join(golden, name));
    expect(fit).toMatchObject({ missing: [], misshapen: [], unused: [], twice: [] });
    expect(parts.map(({ part }) => part)).not.toContain("other");
    const found = answers.find((a) => a.question === "query to key heads")?.answer;
    if (sharing instanceof RegExp) expect(found).toMatch(sharing);
    else expect(found).toBe(sharing);
    expect(head?.verdict).toBe(verdict);
  });
});
