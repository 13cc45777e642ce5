/** Bits where they matter, on the model in the box: what is measured, what is planned, what is written and answers. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { float32, GraphSession, type Probe } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import type { Graph } from "../src/core/graph/index.js";
import { manifestSchema, matrixGroups, pack, parsePlan, readModel } from "../src/core/pack/index.js";
import { quantizationError, restoredRows } from "../src/core/quantize/index.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { loadWith } from "../src/core/runtime/load-model.js";
import { toFloat32, type WeightFormat } from "../src/core/tensor/index.js";
import { divergence, formatErrors, measureSensitivity } from "../src/inspect/index.js";
import { productsOf, switchNames, withTwins } from "../src/inspect/twins.js";
import { repository, temporaryFolder } from "./support/folders.js";

const box = join(repository, "checkpoints/ocellus-tiny");
const root = temporaryFolder();
process.env.OCELLUS_CACHE = join(root, "cache");
const question = [{ role: "user" as const, content: "What is this?" }];

describe("score", () => {
  let model: VisionLanguageModel;
  beforeAll(async () => {
    model = await loadModel(box, { weights: "int8", device: "cpu", threads: 1 });
  });
  afterAll(() => model.close());

  it("gives each token of an answer the probability that chat gave it", async () => {
    const { tokens } = await model.answer(question, { maxTokens: 6, sampling: { temperature: 0, logprobs: true } });
    const ids = tokens.map(({ tokenId }) => tokenId);
    let at = 0;
    for await (const logits of model.score(await model.prepare(question), ids)) {
      const peak = logits.reduce((a, b) => Math.max(a, b));
      const logSum = peak + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0));
      expect(logits[ids[at]!]! - logSum).toBeCloseTo(tokens[at]!.logprob!, 4);
      at++;
    }
    expect(at).toBe(ids.length);
  });

  it("refuses an answer that no cache can hold", async () => {
    const ids = new Array<number>(model.info.maxLength).fill(0);
    const scored = model.score(await model.prepare(question), ids).next();
    await expect(scored).rejects.toMatchObject({ code: "too_large" });
  });
});

describe("divergence", () => {
  it("is Kullback and Leibler's, and nothing between equals", () => {
    const [p, q] = [Float32Array.of(0, Math.log(3)), Float32Array.of(0, 0)];
    expect(divergence(p, q).kl).toBeCloseTo(0.25 * Math.log(0.5) + 0.75 * Math.log(1.5), 6);
    expect(divergence(p, Float32Array.of(5, 5 + Math.log(3)))).toMatchObject({ sameTop: true });
    expect(divergence(p, p).kl).toBe(0);
  });
});

describe("formatErrors", () => {
  it("finds what quantising the whole matrix at once loses", async () => {
    const checkpoint = await openCheckpoint(box);
    const model = await readModel(checkpoint);
    const group = matrixGroups(model).find(({ tensors }) => tensors.length === 1 && tensors[0]!.includes("mlp"))!;
    const [name] = group.tensors as [string];
    const { bytes, dtype } = await model.weights.read(name);
    await checkpoint.close();
    const source = { values: toFloat32(bytes, dtype), rows: group.rows, columns: group.columns };
    const formats: WeightFormat[] = [
      { kind: "int4", blockSize: 32 },
      { kind: "int8", blockSize: 128 },
      { kind: "f16" },
    ];
    const [found] = await formatErrors(box, [{ group, formats }], {});
    for (const [i, format] of formats.entries()) {
      const expected = quantizationError(source.values, restoredRows(source, format));
      expect(found!.errors[i]!.relative).toBeCloseTo(expected.relative, 6);
      expect(found!.errors[i]!.maxAbs).toBe(expected.maxAbs);
    }
  });
});

describe("measureSensitivity", () => {
  it("finds that each matrix of the decoder matters, sees its inputs, and leaves nothing behind", async () => {
    const found = await measureSensitivity(box, [question]);
    const decoder = found.filter(({ tensor }) => tensor.startsWith("language_model.layers."));
    expect(decoder.length).toBeGreaterThan(0);
    for (const { kl, energies } of decoder) {
      expect(kl).toBeGreaterThan(0);
      expect(energies.every((value) => value >= 0) && energies.some((value) => value > 0)).toBe(true);
    }
    expect(readdirSync(join(root, "cache")).filter((name) => name.includes("sensitivity"))).toEqual([]);
  });

  it("refuses to measure on nothing", async () => {
    await expect(measureSensitivity(box, [])).rejects.toThrow(
      ocellusError("invalid_request", { field: "conversations" }),
    );
  });
});

/** All products in int8. */
function twinsOff(graph: Graph): Probe {
  const pairs = productsOf(graph).flatMap((_, n) => {
    const { int8, int4 } = switchNames(n);
    return [
      [int8, float32(Float32Array.of(1), [1])],
      [int4, float32(Float32Array.of(0), [1])],
    ];
  });
  return { feeds: () => Object.fromEntries(pairs), outputs: [], take: () => {} };
}

async function logitsOf(model: VisionLanguageModel): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for await (const step of model.score(await model.prepare(question), [5, 6, 7])) logits.push(step.slice());
  await model.close();
  return logits;
}

describe("twins", () => {
  it("change nothing while they are off", async () => {
    const probes = new Map<string, Probe>();
    const rewrite = (graph: Graph) => {
      probes.set(graph.name, twinsOff(graph));
      return withTwins(graph);
    };
    const { path } = await pack(box, { plan: parsePlan("int8"), rewrite, into: join(root, "twins") });
    const options = { device: "cpu", threads: 1 } as const;
    const twins = await loadWith(
      (found, name, session) => GraphSession.open(found.graphPath(name), { ...session, probe: probes.get(name)! }),
      path,
      options,
    );
    const plain = await loadModel(box, { ...options, weights: "int8" });
    expect(await logitsOf(twins)).toEqual(await logitsOf(plain));
  });
});

describe("ocellus pack --weights auto", () => {
  const calibration = join(root, "questions.jsonl");
  const [record] = readFileSync(join(repository, "eval/one-1.jsonl"), "utf8").split("\n");
  const first = JSON.parse(record!) as { questions: unknown[] };
  writeFileSync(calibration, JSON.stringify({ ...first, questions: first.questions.slice(0, 1) }));
  afterEach(() => vi.restoreAllMocks());

  async function run(...argv: string[]) {
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        written[name] += text;
        return true;
      });
    }
    const code = await main(["pack", box, "--weights", "auto", "--calibration", calibration, "--json", ...argv]);
    vi.restoreAllMocks();
    return { code, ...written };
  }

  it("names the smallest possible size before it measures, and wants a budget", async () => {
    expect(await run("--budget", "10KB")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/10.0 kB.*MB/),
    });
    expect((await run()).stderr).toContain("--budget");
  });

  it("stops at --dry-run, asks for --yes where no one can be asked, and packs a mixture that keeps the budget", async () => {
    const into = join(root, "dry");
    const { code, stdout, stderr } = await run("--budget", "1TB", "--dry-run", "--into", into);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const plan = JSON.parse(stdout) as { bytes: number; matrices: { error: number; format: WeightFormat }[] };
    expect(plan.matrices.every(({ format }) => format.kind !== "int4")).toBe(true);
    expect(existsSync(into)).toBe(false);
    const budget = Math.floor(plan.bytes * 0.93);
    const packed = join(root, "auto");
    const refused = await run("--budget", String(budget), "--into", packed);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("add --yes") });
    expect(existsSync(packed)).toBe(false);
    expect((await run("--budget", String(budget), "--into", packed, "--yes")).code).toBe(0);
    await expectMixed(packed, budget);
  });
});

/** Written as planned, within the budget, and it answers. */
async function expectMixed(packed: string, budget: number): Promise<void> {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(packed, "packed.json"), "utf8")));
  expect(manifest.weights).toBe("auto");
  const kinds = new Set(Object.values(manifest.formats!).map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(["int4", "int8"]);
  const weights = await openCheckpoint(join(packed, "weights.safetensors"));
  let bytes = 0;
  for (const name of weights.names()) bytes += (await weights.read(name)).bytes.length;
  await weights.close();
  expect(bytes).toBeLessThanOrEqual(budget);
  const model = await loadModel(packed, { device: "cpu", threads: 1 });
  const { text } = await model.answer(question, { maxTokens: 4, sampling: { temperature: 0 } });
  await model.close();
  expect(text.length).toBeGreaterThan(0);
}
