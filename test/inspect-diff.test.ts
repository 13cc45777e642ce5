/**
 * How far tensors moved, against NumPy, by test/golden/inspect/make_diff.py. Sums are float64 on both sides, differences of
 * float32 values: 1e-9.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type CheckpointDiff, diffCheckpoints } from "../src/inspect/index.js";
import { repository } from "./support/folders.js";

const golden = join(repository, "test/golden/inspect");
const { changes, lora_rank } = JSON.parse(readFileSync(join(golden, "diff.json"), "utf8")) as {
  changes: Record<string, { relative: number; maxAbs: number; numChanged: number }>;
  lora_rank: number;
};

let diff: CheckpointDiff;
beforeAll(async () => {
  diff = await diffCheckpoints(join(golden, "diff-a.safetensors"), join(golden, "diff-b.safetensors"));
});
const found = (name: string) => diff.tensors!.find((tensor) => tensor.name === name)!;

describe("diffCheckpoints", () => {
  it.each(Object.entries(changes))("finds that %s moved as far as NumPy says", (name, wanted) => {
    const ours = found(name);
    expect(Math.abs(ours.relative - wanted.relative)).toBeLessThanOrEqual(1e-9);
    expect(Math.abs(ours.maxAbs - wanted.maxAbs)).toBeLessThanOrEqual(1e-9);
    expect(ours.numChanged).toBe(wanted.numChanged);
  });

  it("knows the rank of a merged LoRA, also once it is rounded to bf16", () => {
    expect(found("lora.float32").lowRank).toMatchObject({ rank: lora_rank });
    expect(found("lora.float32").lowRank!.energy).toBeCloseTo(1, 6);
    expect(found("lora.bfloat16").lowRank).toMatchObject({ rank: lora_rank });
  });

  it.each(["full.float32", "full.float16", "one_row.float32", "equal.bfloat16", "retyped"])(
    "does not take the change of %s for a LoRA's",
    (name) => expect(found(name).lowRank).toBeUndefined(),
  );

  it("lists a changed dtype, and counts a fixed NaN", () => {
    expect(diff.retyped).toEqual([{ name: "retyped", a: "f32", b: "bf16" }]);
    expect(found("mended.float32")).toMatchObject({ isEqual: false, relative: 0, notFinite: { changed: 1 } });
  });
});
