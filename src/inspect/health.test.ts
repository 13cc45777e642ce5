import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Shape } from "../core/tensor/index.js";
import { checkHealth } from "./health.js";
import { writeCheckpoint } from "./unknown-family.testkit.js";

const repository = resolve(import.meta.dirname, "../..");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-health-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const layers = [0, 1, 2, 3, 4];
const name = (layer: number) => `model.layers.${layer}.mlp.up_proj.weight`;
const shapes: Record<string, Shape> = {
  ...Object.fromEntries(layers.map((layer) => [name(layer), [16, 64]])),
  "model.norm.weight": [16],
};
/** Different in every tensor, of one size. */
const ordinary = (tensor: string, i: number) => Math.sin(12.9898 * (i + 1) * (1 + tensor.charCodeAt(13)));

/** Kinds, severities and tensors of what is found when `change` is made to ordinary values. */
async function findings(title: string, change: (tensor: string, i: number, value: number) => number, more = {}) {
  const value = (tensor: string, i: number) => change(tensor, i, ordinary(tensor, i));
  const path = await writeCheckpoint(join(folder, title), { ...shapes, ...more }, undefined, value);
  const report = await checkHealth(path);
  return { healthy: report.healthy, found: report.findings.map((f) => [f.severity, f.kind, f.tensors] as const) };
}

describe("checkHealth", () => {
  it("finds nothing in ordinary values, and nothing bad in the bundled demo model", async () => {
    expect(await findings("ordinary", (_, __, value) => value)).toEqual({ healthy: true, found: [] });
    expect((await checkHealth(join(repository, "checkpoints/ocellus-tiny"))).healthy).toBe(true);
  });

  it.each([
    ["NaN", Number.NaN, "not_finite"],
    ["infinity", Number.POSITIVE_INFINITY, "not_finite"],
  ])("calls one %s bad", async (title, value, kind) => {
    const found = await findings(title, (tensor, i, v) => (tensor === name(2) && i === 77 ? value : v));
    expect(found).toEqual({ healthy: false, found: [["bad", kind, [name(2)]]] });
  });

  it("calls a matrix of zeros or of one value bad, and a constant vector worth a note", async () => {
    const change = (tensor: string, _: number, v: number) =>
      tensor === name(0) ? 0 : tensor === name(1) ? 0.5 : tensor === "model.norm.weight" ? 1 : v;
    expect(await findings("constant", change)).toEqual({
      healthy: false,
      found: [
        ["bad", "zero", [name(0)]],
        ["bad", "constant", [name(1)]],
        ["note", "constant", ["model.norm.weight"]],
      ],
    });
  });

  it("calls a layer bad that is thirty times its kin, not one that is ten times", async () => {
    const scaled = (factor: number) => (tensor: string, _: number, v: number) => (tensor === name(4) ? v * factor : v);
    expect(await findings("forty", scaled(40))).toEqual({ healthy: false, found: [["bad", "exploding", [name(4)]]] });
    expect(await findings("ten", scaled(10))).toEqual({ healthy: true, found: [] });
  });

  it("notes dead rows, loud channels, and a tensor that is another one again", async () => {
    const change = (tensor: string, i: number, v: number) => {
      if (tensor === name(0) && i < 128) return 0;
      if (tensor === name(1) && i % 64 === 9) return v * 20;
      return tensor === name(3) ? ordinary(name(2), i) : v;
    };
    expect(await findings("notes", change)).toEqual({
      healthy: true,
      found: [
        ["note", "dead_rows", [name(0)]],
        ["note", "outliers", [name(1)]],
        ["note", "duplicate", [name(2), name(3)]],
      ],
    });
  });

  it("calls missing and misshapen tensors of a family bad", async () => {
    const config = {
      ...{ model_type: "qwen3", vocab_size: 8, hidden_size: 16, intermediate_size: 8, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8 },
    };
    const path = await writeCheckpoint(join(folder, "fit"), { "model.norm.weight": [3] }, config);
    const { healthy, findings: found } = await checkHealth(path);
    expect(healthy).toBe(false);
    expect(found.map((f) => [f.kind, f.tensors.length])).toEqual([["missing", 13], ["misshapen", 1]]); // biome-ignore format: pairs
  });
});
