import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { GraphBuilder, recordingCatalog } from "../graph/index.js";
import { familyOf } from "./registry.js";
import { ropeAngles } from "./rope.js";

const goldens = join(import.meta.dirname, "../../../test/golden");
const config = JSON.parse(readFileSync(join(goldens, "qwen3_vl_resampler/gqa-tied/config.json"), "utf8"));
const family = familyOf(config);

describe("qwen3_vl_resampler", () => {
  it("names every field of a config that does not fit", () => {
    const broken = {
      ...config,
      text_config: { ...config.text_config, hidden_size: "wide", num_hidden_layers: 100000 },
    };
    expect(() => family.parseConfig(broken)).toThrow(
      ocellusError("invalid_config", { fields: ["text_config.hidden_size", "text_config.num_hidden_layers"] }),
    );
  });

  it.each([
    ["text_config", { num_key_value_heads: 3 }, "text_config.num_attention_heads"],
    ["text_config", { head_dim: 12 }, "text_config.head_dim"],
    ["vision_config", { patch_size: 15 }, "vision_config.image_size"],
    ["resampler_config", { hidden_size: 64 }, "resampler_config.hidden_size"],
  ])("refuses sizes that do not agree: %s %j", (part, change, field) => {
    expect(() => family.parseConfig({ ...config, [part]: { ...config[part], ...change } })).toThrow(
      ocellusError("invalid_config", { file: "config.json", fields: [field] }),
    );
  });

  it("accepts both spellings of names", () => {
    expect(family.canonicalName("language_model.layers.3.attn.q_proj.weight")).toBe(
      "language_model.layers.3.self_attn.q_proj.weight",
    );
    expect(family.canonicalName("language_model.layers.3.mlp.down_proj.weight")).toBe(
      "language_model.layers.3.mlp.w2.weight",
    );
    expect(family.canonicalName("vision_tower.blocks.0.attn.qkv.weight")).toBe("vision_tower.blocks.0.attn.qkv.weight");
  });
});

describe.each(["qwen3/tied-gqa", "qwen3_vl/wide-grid"])("the decoder of %s", (name) => {
  const whole = JSON.parse(readFileSync(join(goldens, name, "config.json"), "utf8"));

  it.each([
    [{ num_key_value_heads: 7 }, /num_attention_heads$/],
    [{ head_dim: 33 }, /head_dim$/],
  ])("is refused when its sizes do not agree: %j", (change, field) => {
    const broken = {
      ...whole,
      ...change,
      ...(whole.text_config && { text_config: { ...whole.text_config, ...change } }),
    };
    expect(() => familyOf(whole).parseConfig(whole)).not.toThrow();
    expect(() => familyOf(broken).parseConfig(broken)).toThrow(
      ocellusError("invalid_config", { fields: [expect.stringMatching(field)] }),
    );
  });
});

describe("the blocks that DeepStack taps", () => {
  const whole = JSON.parse(readFileSync(join(goldens, "qwen3_vl/wide-grid/config.json"), "utf8"));
  const { depth } = whole.vision_config;
  const numLayers = whole.text_config.num_hidden_layers;

  it.each([
    [
      [1, 2, 3],
      [0, 1, 2],
    ],
    [
      [3, 0, 2],
      [1, 2, 0],
    ],
    [
      [2, 2, 0],
      [2, 0],
    ], // the reference finds the first of equal ones
    [
      [0, depth, 1],
      [0, 2],
    ], // no such block runs
    [[], []],
  ])("%j reach the decoder in the order in which they run, by the mergers %j", (indexes, mergers) => {
    const json = { ...whole, vision_config: { ...whole.vision_config, deepstack_visual_indexes: indexes } };
    const vl = familyOf(json);
    if (vl.kind !== "language") throw new Error("not a decoder");
    const understood = vl.parseConfig(json);
    const builder = new GraphBuilder(
      "vision",
      recordingCatalog(() => ({ kind: "f32" })),
    );
    vl.graphs(understood).vision!(builder);
    const { nodes, outputs } = builder.build();
    const outputOf = (i: number) => outputs.find(({ name }) => name === `deepstack.${i}`)!.name;
    expect(vl.numDeepstack(understood)).toBe(mergers.length);
    expect(vl.image!.extraOutputs(understood)).toEqual(mergers.map((_, i) => outputOf(i)));
    const used = nodes.map(({ name }) => /deepstack_merger_list\.(\d+)\.linear_fc2/.exec(name)?.[1]);
    expect([...new Set(used.filter((merger) => merger !== undefined))].map(Number)).toEqual(mergers);
  });

  it("are no more than the decoder has layers", () => {
    const indexes = Array.from({ length: numLayers + 3 }, (_, i) => i);
    const vision_config = { ...whole.vision_config, depth: numLayers + 3, deepstack_visual_indexes: indexes };
    const vl = familyOf(whole);
    if (vl.kind !== "language") throw new Error("not a decoder");
    expect(vl.numDeepstack(vl.parseConfig({ ...whole, vision_config }))).toBe(numLayers);
  });
});

describe("the linear layers of qwen3_5_text", () => {
  it("keep gates, decays, convolution and norms in float32 where the products go down to four bits", () => {
    const json = JSON.parse(readFileSync(join(goldens, "qwen3_5_text/tied-interval/config.json"), "utf8"));
    const decoder = familyOf(json);
    const catalog = recordingCatalog(() => ({ kind: "int4", blockSize: 32 }));
    const builder = new GraphBuilder("decoder", catalog);
    decoder.graphs(decoder.parseConfig(json)).decoder!(builder);
    const root = "model.layers.0.linear_attn.";
    const stored = builder.build().initializers.map(({ value }) => [value.name, value.dtype] as const);
    const own = stored.filter(([name]) => name.startsWith(root)).map(([name, type]) => [name.slice(root.length), type]);
    const exact = ["in_proj_a.weight", "in_proj_b.weight", "A_log", "dt_bias", "conv1d.weight", "norm.weight"];
    const products = ["in_proj_qkv", "in_proj_z", "out_proj"].flatMap((name) => [
      [`${name}.weight.int4`, "u8"],
      [`${name}.weight.int4.scales`, "f32"],
    ]);
    expect(own.toSorted()).toEqual([...exact.map((name) => [name, "f32"]), ...products].toSorted());
  });
});

describe("ropeAngles", () => {
  it("is the identity at position 0 and turns by theta^(-2f/d) a step", () => {
    const { cos, sin } = ropeAngles(2, 4, { theta: 10_000 }, (i) => i);
    expect([...cos.subarray(0, 2), ...sin.subarray(0, 2)]).toEqual([1, 1, 0, 0]);
    expect(cos[2]).toBeCloseTo(Math.cos(1), 7);
    expect(sin[3]).toBeCloseTo(Math.sin(0.01), 7);
  });

  it("does not depend on how a row is cut into steps", () => {
    const whole = ropeAngles(50, 8, { theta: 1e6 }, (i) => i);
    const tail = ropeAngles(30, 8, { theta: 1e6 }, (i) => 20 + i);
    expect([...tail.cos]).toEqual([...whole.cos.subarray(20 * 4)]);
  });
});
