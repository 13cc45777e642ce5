/**
 * A cache of int8 keys and values beside one of float32. What it loses: KL of the next token, and the share of equal top tokens,
 * over the second halves of some windows of a text that is in no calibration set, written step by step behind the first halves.
 * What it gains: CPU time of whole decode steps and of reading a prompt, by turns; work beside it disturbs that less than the clock.
 *
 *   npm run bench -- kv-cache loss CHECKPOINT --text FILE [--windows 6] [--weights fp32,int4]
 *   npm run bench -- kv-cache steps PACKED [--rounds 8]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultThreads } from "../src/core/backend/index.js";
import { invariant } from "../src/core/base/index.js";
import { packKvScales } from "../src/core/calibrate/index.js";
import type { KvScales } from "../src/core/graph/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { openPacked, type PackedModel, pack, parsePlan } from "../src/core/pack/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { openDecoder } from "../src/core/runtime/open.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { divergence } from "../src/inspect/index.js";

const dtypes = ["float32", "int8"] as const;
type Dtype = (typeof dtypes)[number];

const windowTokens = 512;
/** So that windows are of different parts. */
const stride = 7001;

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ text: { type: "string" }, windows: { type: "string", default: "6" } },
      ...{ weights: { type: "string", default: "fp32,int4" }, rounds: { type: "string", default: "8" } },
    },
  });
  const [what, path] = positionals;
  if (what === "steps" && path) return steps(path, Number(values.rounds));
  if (what !== "loss" || !path || !values.text) throw new Error("usage: kv-cache loss CHECKPOINT --text FILE");
  const formats = values.weights.split(",");
  await loss(path, { formats, text: readFileSync(values.text, "utf8"), windows: Number(values.windows) });
}

interface LossOptions {
  /** The first, with float32 keys and values, is what the others are compared with. */
  readonly formats: readonly string[];
  readonly text: string;
  readonly windows: number;
}

async function loss(checkpoint: string, { formats, text, windows }: LossOptions): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "ocellus-kv-cache-"));
  let reference: Float32Array[] | undefined;
  try {
    for (const format of formats) {
      const { path } = await pack(checkpoint, { plan: parsePlan(format), into: join(work, format) });
      const started = performance.now();
      await packKvScales(path);
      console.log(`${format}: scales measured in ${((performance.now() - started) / 1000).toFixed(0)} s`);
      for (const dtype of dtypes) {
        const found = await logitsOf(path, dtype, text, windows);
        reference ??= found;
        const rows = found.map((row, i) => divergence(reference![i]!, row));
        const kl = rows.reduce((sum, each) => sum + each.kl, 0) / rows.length;
        const same = rows.filter(({ sameTop }) => sameTop).length / rows.length;
        console.log(
          `${format} ${dtype}: KL ${kl.toFixed(5)}, same top token ${(100 * same).toFixed(2)} % of ${rows.length}`,
        );
      }
      rmSync(path, { recursive: true });
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Before each token of the second halves. */
async function logitsOf(path: string, kvCacheDtype: Dtype, text: string, windows: number): Promise<Float32Array[]> {
  const model = await loadModel(path, { device: "cpu", kvCacheDtype, memory: { prefixCacheBytes: 0 } });
  const ids = model.tokenizer.encode(text);
  const found: Float32Array[] = [];
  for (let n = 0; n < windows; n++) {
    const window = ids.slice(n * stride, n * stride + windowTokens);
    if (window.length < windowTokens) break;
    const prepared = await model.prepareText(window.slice(0, windowTokens / 2));
    for await (const logits of model.score(prepared, window.slice(windowTokens / 2))) found.push(logits.slice());
  }
  await model.close();
  return found;
}

const numRows = 8;
const promptTokens = 256;

async function steps(path: string, rounds: number): Promise<void> {
  const packed = await openPacked(path);
  const opened = await Promise.all(dtypes.map((dtype) => openRunner(packed, dtype)));
  const read = async (slot: number, start: number, end: number) => {
    for (const { runner } of opened) await readPrompt(runner, slot, start, end);
  };
  const step = (count: number, position: number) => {
    const row = { tokens: [77], position, payload, numLogits: 1 };
    const rows = Array.from({ length: count }, (_, slot) => ({ slot, ...row }));
    return byTurns(`step of ${count}, past ${position}`, rounds, opened, (runner) =>
      runner.step({ kind: "decode", rows }),
    );
  };
  for (let slot = 0; slot < numRows; slot++) await read(slot, 0, 500);
  await step(numRows, 500);
  await step(1, 200);
  await read(0, 500, 1024);
  await step(1, 1000);
  for (const past of [0, 1024])
    await byTurns(`prompt of ${promptTokens}, past ${past}`, Math.ceil(rounds / 2), opened, (runner) =>
      readPrompt(runner, 0, past, past + promptTokens),
    );
  for (const { decoder } of opened) await decoder.close();
  await packed.close();
}

async function openRunner(packed: PackedModel, dtype: Dtype) {
  const kvScales = dtype === "int8" ? evenScales(packed) : undefined;
  const options = { usesPrefill: packed.manifest.prefill_weights === "int8", takesRuns: true, kvScales };
  const decoder = await openDecoder(packed, { device: "cpu", threads: defaultThreads() }, {}, options);
  return { decoder, runner: new DecoderRunner(packed, decoder, { numSlots: numRows, maxLength: 2048 }) };
}

/** Time does not depend on them. */
function evenScales({ family, config }: PackedModel): KvScales {
  const names = family.states(config).flatMap((layer, n) => {
    invariant(layer.kind === "kv", "layers keep keys and values");
    const own = new Float32Array(layer.kvHeads * layer.headDim).fill(0.05);
    return [[`${n}.key`, own] as const, [`${n}.value`, own] as const];
  });
  return new Map(names);
}

const payload: SequenceInputs = { images: [], positions: indexPositions };

async function readPrompt(runner: DecoderRunner, slot: number, start: number, end: number): Promise<void> {
  for (let position = start; position < end; position += windowTokens) {
    const count = Math.min(windowTokens, end - position);
    const tokens = Array.from({ length: count }, (_, i) => 100 + ((position + i) % 1000));
    await runner.step({ kind: "prefill", rows: [{ slot, tokens, position, payload, numLogits: 0 }] });
  }
}

/** Least of the rounds: what is above it is other work. */
async function byTurns(
  label: string,
  rounds: number,
  opened: readonly { readonly runner: DecoderRunner }[],
  run: (runner: DecoderRunner) => Promise<unknown>,
): Promise<void> {
  const least = opened.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round <= rounds; round++)
    for (const [i, { runner }] of opened.entries()) {
      const before = process.cpuUsage();
      await run(runner);
      const { user, system } = process.cpuUsage(before);
      if (round > 0) least[i] = Math.min(least[i]!, (user + system) / 1000);
    }
  const [float, coded] = least as [number, number];
  const bytes = opened.map(({ runner }) => `${(runner.cacheBytes / 1e6).toFixed(0)} MB`).join(" and ");
  console.log(
    `${label}: float32 ${float.toFixed(0)} ms of CPU, int8 ${coded.toFixed(0)} (${(float / coded).toFixed(2)}x), cache ${bytes}`,
  );
}
