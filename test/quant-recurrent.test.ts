/**
 * What int8 and int4 lose of a decoder with layers of two kinds: of a small one that has learnt something
 * (test/golden/trained_hybrid/make_golden.py), since random weights tell little of it, and as `quant-report` tells it.
 * Figures and reasons: docs/models/qwen3_5.md, "Formats".
 */
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { matrixGroups, openPacked, type PackingPlan, pack, parsePlan, readModel } from "../src/core/pack/index.js";
import { image } from "../src/core/runtime/index.js";
import type { WeightFormat } from "../src/core/tensor/index.js";
import { divergence, reportDivergence, reportErrors } from "../src/inspect/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { oneThread, openFixture, prefill } from "./support/parity.js";
import { noise, packSmallQwen35 } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

describe("a small hybrid that has learnt to guess the next byte", () => {
  const folder = join(repository, "test/golden/trained_hybrid");
  const length = 192;
  /** Of each text the logits behind every byte. */
  let reference: Float32Array[];
  let texts: number[][];
  let names: string[];

  async function logitsIn(plan: PackingPlan): Promise<Float32Array[]> {
    const packed = await openPacked((await pack(folder, { plan, into: join(temporaryFolder(), "packed") })).path);
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    const found: Float32Array[] = [];
    for (const ids of texts) {
      const embeds = new Float32Array(length * packed.family.dimensions(packed.config).hiddenSize);
      await packed.embedding.read(ids, embeds, 0);
      const { logits } = await prefill(packed, decoder, { embeds, positions: indexPositions }, [], "all");
      found.push((logits!.data as Float32Array).slice());
    }
    await decoder.close();
    await packed.close();
    return found;
  }

  /** Mean divergence of the next byte from fp32's, behind bytes `from` to `to`: those before have seen little. */
  async function lossOf(plan: PackingPlan, [from, to] = [8, length]): Promise<number> {
    const found = await logitsIn(plan);
    let sum = 0;
    for (const [i, logits] of found.entries())
      for (let at = from! * 256; at < to! * 256; at += 256)
        sum += divergence(reference[i]!.subarray(at, at + 256), logits.subarray(at, at + 256)).kl;
    return sum / found.length / (to! - from!);
  }

  const named = (kind: RegExp, format: WeightFormat) =>
    new Map(names.filter((name) => kind.test(name)).map((name) => [name, format]));
  const fourBits: WeightFormat = { kind: "int4", blockSize: 32 };
  const only = (kind: RegExp): PackingPlan => ({ ...parsePlan("fp32"), formats: named(kind, fourBits) });

  beforeAll(async () => {
    const fixture = await openFixture(folder);
    const bytes = await fixture.numbers("input_ids");
    texts = Array.from({ length: bytes.length / length }, (_, i) => bytes.slice(i * length, (i + 1) * length));
    const checkpoint = await openCheckpoint(folder);
    names = matrixGroups(await readModel(checkpoint)).map(({ tensors }) => tensors[0]!);
    await checkpoint.close();
    reference = await logitsIn(parsePlan("fp32"));
    expect(meanLoss(reference, texts)).toBeCloseTo((await fixture.numbers("loss"))[0]!, 4);
  });

  it("loses next to nothing in int8, and in int4 a tenth of what random weights lose", async () => {
    expect(await lossOf(parsePlan("int8"))).toBeLessThan(0.001);
    expect(await lossOf(parsePlan("int4"))).toBeLessThan(0.02);
  });

  it("would lose half as much again in int4 if in_proj_qkv and out_proj did not keep eight bits", async () => {
    const whole = { ...parsePlan("int4"), formats: named(/in_proj_qkv|out_proj/, fourBits) };
    expect(await lossOf(whole)).toBeGreaterThan(1.5 * (await lossOf(parsePlan("int4"))));
  });

  it("loses more by in_proj_qkv and out_proj than by gate_proj and up_proj, which are larger", async () => {
    expect(await lossOf(only(/in_proj_qkv|out_proj/))).toBeGreaterThan(await lossOf(only(/gate_proj|up_proj/)));
  });

  it("loses as much early in a text as late: errors of a state fade with it", async () => {
    const plan = only(/linear_attn/);
    const [early, late] = [await lossOf(plan, [8, 70]), await lossOf(plan, [130, 192])];
    expect(late / early).toBeLessThan(2);
  });
});

function meanLoss(logits: readonly Float32Array[], texts: readonly (readonly number[])[]): number {
  let [sum, count] = [0, 0];
  for (const [i, ids] of texts.entries()) {
    for (let n = 0; n + 1 < ids.length; n++, count++) {
      const row = logits[i]!.subarray(n * 256, (n + 1) * 256);
      const largest = Math.max(...row);
      sum += largest + Math.log(row.reduce((total, x) => total + Math.exp(x - largest), 0)) - row[ids[n + 1]!]!;
    }
  }
  return sum / count;
}

describe("quant-report of a small random qwen3_5", () => {
  let checkpoint: string;
  beforeAll(async () => {
    const folder = temporaryFolder();
    await packSmallQwen35(folder);
    checkpoint = join(folder, "checkpoint");
  });

  it("covers the matrices of both kinds of layers, and leaves out gates and decays, which are float32 in every plan", async () => {
    const { kinds } = await reportErrors(checkpoint, { threads: 1 });
    const titles = kinds.map(({ title }) => title);
    const linear = ["in_proj_qkv", "in_proj_z", "out_proj"].map((name) => `linear_attn.${name}`);
    for (const name of [...linear, "self_attn.q_proj", "self_attn.o_proj"])
      expect(titles).toContain(`model.language_model.layers.*.${name}.weight`);
    expect(titles.filter((title) => /in_proj_[ab]|A_log|dt_bias|conv1d/.test(title))).toEqual([]);
  });

  it("finds int8 near fp32, and int4 further off", async () => {
    const conversations = [1, 2].map((seed) => [
      { role: "user" as const, content: [image(noise(seed, 64, 64)), "What is it?"] },
    ]);
    const formats = ["fp32", "int8", "int4-b32"] as const;
    const [fp32, int8, int4] = await reportDivergence(checkpoint, conversations, { formats });
    expect(fp32!.kl).toBeLessThan(1e-9);
    expect(int8!.kl).toBeLessThan(int4!.kl / 4); // its steps are 16 times as fine
    expect(int8!.sameTop).toBeGreaterThan(int4!.sameTop);
  });
});
