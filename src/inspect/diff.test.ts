import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Shape } from "../core/tensor/index.js";
import type { CheckpointDiff } from "./change.js";
import { diffCheckpoints } from "./diff.js";
import { eigenvalues } from "./low-rank.js";
import { comparePiece } from "./piece-difference.js";
import { writeCheckpoint, writeSparseCheckpoint } from "./unknown-family.testkit.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-diff-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const shapes = {
  "visual.blocks.0.attn.qkv.weight": [8, 8],
  "resampler.layers.0.q.weight": [8, 8],
  "model.layers.0.mlp.up_proj.weight": [8, 8],
  "model.norm.weight": [8],
};

/** With an offset where `moves` says so. */
const version = (
  name: string,
  config: unknown,
  moves: (tensor: string) => boolean,
  of: Record<string, Shape> = shapes,
) =>
  writeCheckpoint(
    join(folder, name),
    of,
    config,
    (tensor, i) => Math.sin(i + 1) + (moves(tensor) ? Math.sin(i * i) : 0),
  );

/** The same diff, read from the other side. */
function mirrored(diff: CheckpointDiff): CheckpointDiff {
  const swap = <T extends { a?: unknown; b?: unknown }>({ a, b, ...rest }: T) => ({
    ...rest,
    ...(b !== undefined && { a: b }),
    ...(a !== undefined && { b: a }),
  });
  return {
    ...diff,
    ...{ a: diff.b, b: diff.a, added: diff.removed, removed: diff.added },
    configs: diff.configs.map(swap),
    respelled: diff.respelled.map(swap),
    reshaped: diff.reshaped.map(swap),
    retyped: diff.retyped.map(swap),
  } as unknown as CheckpointDiff;
}

describe("diffCheckpoints", () => {
  it("says which part moved", async () => {
    const a = await version("a", {}, () => false);
    const one = await diffCheckpoints(a, await version("b", {}, (name) => name.startsWith("resampler")));
    expect(one).toMatchObject({ summary: "only the resampler moved", isEqual: false });
    expect(one.parts!.map(({ title, numChanged }) => [title, numChanged])).toEqual([
      ["vision tower", 0],
      ["resampler", 1],
      ["decoder", 0],
    ]);
    const two = await diffCheckpoints(a, await version("c", {}, (name) => !name.startsWith("resampler")));
    expect(two.summary).toBe("only the vision tower and the decoder moved");
    expect((await diffCheckpoints(a, await version("d", {}, () => true))).summary).toMatch(/^every part moved, the /);
  });

  it("tells configs value by value, and reads no weights when it shall be quick", async () => {
    const a = await version("e", { hidden_size: 8, text: { rope_theta: 1e4, layers: [1, 2] } }, () => false);
    const b = await version("f", { hidden_size: 8, text: { rope_theta: 1e6 } }, () => true);
    const { configs, summary, tensors } = await diffCheckpoints(a, b, { quick: true });
    expect(configs).toEqual([
      { file: "config.json", path: "text.rope_theta", a: "10000", b: "1000000" },
      { file: "config.json", path: "text.layers", a: "[1,2]" },
    ]);
    expect({ summary, tensors }).toEqual({ summary: "values were not read; the configs differ", tensors: undefined });
  });

  it("finds that a checkpoint equals itself, and sees the same from both sides", async () => {
    const names = Object.keys(shapes);
    const shape = fc.constantFrom<Shape>([8, 8], [4, 16], [64]);
    const some = fc.dictionary(fc.constantFrom(...names), shape, { minKeys: 1 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(some, some, fc.subarray(names), async (x, y, moved) => {
        run++;
        const a = await version(`x${run}`, { x }, () => false, x);
        const b = await version(`y${run}`, { y, z: moved }, (name) => moved.includes(name), y);
        const itself = await diffCheckpoints(a, a);
        expect(itself).toMatchObject({ isEqual: true, configs: [], added: [], removed: [], reshaped: [], retyped: [] });
        expect(itself.tensors!.every((t) => t.isEqual && t.relative === 0 && t.numChanged === 0)).toBe(true);
        const [there, back] = [await diffCheckpoints(a, b), await diffCheckpoints(b, a)];
        const byName = (diff: CheckpointDiff) => ({
          ...{ ...diff, summary: "", clauses: [] },
          configs: [...diff.configs].sort((p, q) => (p.path < q.path ? -1 : 1)),
          ...Object.fromEntries(
            (["added", "removed", "reshaped", "retyped", "tensors"] as const).map((key) => [
              key,
              [...diff[key]!].sort((p, q) => (p.name < q.name ? -1 : 1)),
            ]),
          ),
        });
        expect(byName(mirrored(back))).toEqual(byName(there));
      }),
      { seed: 3, numRuns: 25 },
    );
  });

  it("pairs two spellings of one model, by its family and without the wrappers of libraries, and says so", async () => {
    const value = (_: string, i: number) => Math.sin(i + 1);
    const family = { model_type: "qwen3_vl_resampler" };
    const one = { "language_model.layers.0.mlp.gate_proj.weight": [8, 8], "lm_head.weight": [4, 8] };
    const other = { "language_model.layers.0.mlp.w1.weight": [8, 8], "module.lm_head.weight": [4, 8] };
    const a = await writeCheckpoint(join(folder, "i"), one, family, value);
    const b = await writeCheckpoint(join(folder, "j"), other, family, value);
    const diff = await diffCheckpoints(a, b);
    const [first, second] = Object.keys(one).map((name, i) => ({ a: name, b: Object.keys(other)[i]! }));
    expect(diff).toMatchObject({ isEqual: false, added: [], removed: [], respelled: [first, second] });
    expect(diff.summary).toBe("no value that both hold moved; 2 tensors spelled differently");
    expect(diff.tensors!.map(({ name, isEqual }) => [name, isEqual])).toEqual([
      [first!.a, true],
      [second!.a, true],
    ]);
  });

  it("does not guess where a spelling is that of two tensors", async () => {
    const a = await writeCheckpoint(join(folder, "k"), { "x.weight": [2] });
    const b = await writeCheckpoint(join(folder, "l"), { "model.x.weight": [2], "module.x.weight": [2] });
    expect(await diffCheckpoints(a, b)).toMatchObject({
      respelled: [],
      added: [{ name: "model.x.weight" }, { name: "module.x.weight" }],
      removed: [{ name: "x.weight" }],
    });
  });

  it("takes a change of rank 1 for a LoRA's only in matrices that adapters change", async () => {
    const of = { "model.layers.0.gate.weight": [63, 128], "model.layers.0.mlp.up_proj.weight": [64, 128] };
    const shifted = (by: number) => (_: string, i: number) => Math.sin(i + 1) + by;
    const a = await writeCheckpoint(join(folder, "g"), of, {}, shifted(0));
    const b = await writeCheckpoint(join(folder, "h"), of, {}, shifted(1));
    const { tensors, summary } = await diffCheckpoints(a, b);
    const ranks = tensors!.map(({ name, lowRank }) => [name.split(".")[3], lowRank?.rank]);
    expect(Object.fromEntries(ranks)).toEqual({ gate: undefined, mlp: 1 });
    expect(summary).toBe("the decoder moved; 1 of 2 changed matrices by rank 1, as a merged LoRA does");
  });

  it("counts what became NaN or infinite on both sides, says it first, and lists it first", async () => {
    const of = { "model.layers.0.mlp.up_proj.weight": [4, 10], "resampler.q.weight": [8, 8] };
    const value = (broken: (i: number) => number | undefined, by: number) => (name: string, i: number) =>
      name.startsWith("model") ? (broken(i) ?? Math.sin(i + 1)) : Math.sin(i + 1) + by;
    const a = await writeCheckpoint(
      join(folder, "m"),
      of,
      {},
      value((i) => (i === 0 ? Number.NaN : undefined), 0),
    );
    const b = await writeCheckpoint(
      join(folder, "n"),
      of,
      {},
      value((i) => (i < 2 || i > 30 ? [Number.NaN, Number.NEGATIVE_INFINITY][i % 2] : undefined), 3),
    );
    const [there, back] = [await diffCheckpoints(a, b), await diffCheckpoints(b, a)];
    expect(there.tensors![0]).toMatchObject({
      name: "model.layers.0.mlp.up_proj.weight",
      relative: 0,
      numChanged: 10,
      notFinite: { a: 1, b: 11, changed: 10 },
    });
    expect(back.tensors![0]!.notFinite).toEqual({ a: 11, b: 1, changed: 10 });
    const counts = { decoder: { a: 1, b: 11, changed: 10 }, resampler: { a: 0, b: 0, changed: 0 } };
    expect(Object.fromEntries(there.parts!.map(({ title, notFinite }) => [title, notFinite]))).toEqual(counts);
    expect(there.modules!.map(({ notFinite }) => notFinite.b)).toEqual([11, 0]);
    expect(there.summary).toMatch(/^1 tensor holds more NaN or infinite values in B than in A; /);
    expect(back.summary).toMatch(/^1 tensor holds fewer NaN or infinite values in B than in A; /);
  });

  it("reads large checkpoints in threads", async () => {
    const path = join(folder, "large");
    writeSparseCheckpoint(path, new Map([["x.weight", [1024, 40_000]]]), {}, 1);
    expect((await diffCheckpoints(path, path, { threads: 2 })).isEqual).toBe(true);
  });
});

describe("pieces of a difference", () => {
  it("add up to the sketch of the whole", () => {
    const values = (seed: number) => Float32Array.from({ length: 120 }, (_, i) => Math.sin(seed * (i + 1)));
    const bytes = (v: Float32Array, start: number, end: number) => new Uint8Array(v.slice(start, end).buffer);
    const [a, b] = [values(1), values(2)];
    const compare = (start: number, end: number) =>
      comparePiece(bytes(a, start, end), bytes(b, start, end), {
        ...{ dtypes: ["f32", "f32"], columns: 10, firstRow: start / 10, withSketch: true },
      });
    const [whole, first, second] = [compare(0, 120), compare(0, 50), compare(50, 120)];
    for (const [i, value] of whole.sketch.entries()) expect(first.sketch[i]! + second.sketch[i]!).toBeCloseTo(value, 5);
    expect(first.numChangedRows + second.numChangedRows).toBe(12);
  });
});

describe("eigenvalues", () => {
  it("are those of a matrix made of known ones", () => {
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
    const [x, y] = [7, -2];
    const matrix = [
      [c * c * x + s * s * y, c * s * (x - y), 0],
      [c * s * (x - y), s * s * x + c * c * y, 0],
      [0, 0, 3],
    ];
    const found = eigenvalues(matrix).sort((p, q) => q - p);
    for (const [i, value] of [7, 3, -2].entries()) expect(found[i]).toBeCloseTo(value, 10);
  });
});
