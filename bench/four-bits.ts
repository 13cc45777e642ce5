/**
 * What four bits lose of a real decoder, rounded plainly and by what its products read: KL of the next token from fp32's at every
 * place of some windows of a text that is in no calibration set, the share of equal top tokens, and the time that packing takes.
 * A format may also be the folder of a packed model.
 *
 *   npm run bench -- four-bits CHECKPOINT --text FILE [--windows 6] [--calibrate FOLDER] [--formats int4,int4-calibrated]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createSlotCache, float32, GraphSession, int32, int64 } from "../src/core/backend/index.js";
import { packCalibrated } from "../src/core/calibrate/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { openPacked, type PackedModel, type PackingPlan, pack, parsePlan } from "../src/core/pack/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { divergence } from "../src/inspect/index.js";

const windowTokens = 512;
/** Of long texts, so that windows are of different parts. */
const stride = 7001;

const plans: Record<string, readonly [plan: PackingPlan, isCalibrated: boolean]> = {
  int8: [parsePlan("int8"), false],
  nf4: [parsePlan("nf4"), false],
  int4: [parsePlan("int4"), false],
  "int4-calibrated": [parsePlan("int4"), true],
  "int4-zero-points": [parsePlan("int4", { zeroPoints: true }), false],
  "int4-zero-points-calibrated": [parsePlan("int4", { zeroPoints: true }), true],
  "int4-b128": [parsePlan("int4", { blockSize: 128 }), false],
  "int4-b128-calibrated": [parsePlan("int4", { blockSize: 128 }), true],
};

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ text: { type: "string" }, windows: { type: "string", default: "6" }, calibrate: { type: "string" } },
      formats: { type: "string", default: Object.keys(plans).join(",") },
    },
  });
  const [checkpoint] = positionals;
  if (!checkpoint || !values.text) throw new Error("usage: four-bits CHECKPOINT --text FILE");
  const work = mkdtempSync(join(tmpdir(), "ocellus-four-bits-"));
  try {
    const exact = (await pack(checkpoint, { plan: parsePlan("fp32"), into: join(work, "fp32") })).path;
    const windows = await windowsOf(exact, readFileSync(values.text, "utf8"), Number(values.windows));
    const reference = await logitsOf(exact, windows);
    for (const format of values.formats.split(",")) {
      const started = performance.now();
      const path = await packed(checkpoint, format, join(work, "format"), values.calibrate);
      const seconds = (performance.now() - started) / 1000;
      const { kl, same } = compared(reference, await logitsOf(path, windows), windows);
      const found = `KL ${kl.toFixed(4)}  same top ${(100 * same).toFixed(1)} %`;
      console.log(`${format.padEnd(28)} ${found}  packed in ${seconds.toFixed(0)} s`);
      rmSync(join(work, "format"), { recursive: true, force: true });
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** A format by its name, or a folder that holds a packed model already. */
async function packed(
  checkpoint: string,
  format: string,
  into: string,
  calibrateOn: string | undefined,
): Promise<string> {
  const plan = plans[format];
  if (!plan) return format;
  const options = { plan: plan[0], into };
  return (await (plan[1] ? packCalibrated(checkpoint, { ...options, calibrateOn }) : pack(checkpoint, options))).path;
}

async function windowsOf(packed: string, text: string, count: number): Promise<number[][]> {
  const model = await loadModel(packed, { device: "cpu" });
  const ids = model.tokenizer.encode(text);
  await model.close();
  const windows = Array.from({ length: count }, (_, n) => ids.slice(n * stride, n * stride + windowTokens));
  return windows.filter(({ length }) => length === windowTokens);
}

/** Of each window [tokens, vocab_size]. */
async function logitsOf(path: string, windows: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const packed = await openPacked(path);
  const decoder = await GraphSession.open(packed.graphPath("decoder"), { device: "cpu" });
  const found: Float32Array[] = [];
  for (const ids of windows) found.push(await logitsIn(packed, decoder, ids));
  await decoder.close();
  await packed.close();
  return found;
}

async function logitsIn(packed: PackedModel, decoder: GraphSession, ids: readonly number[]): Promise<Float32Array> {
  const { family, config, embedding } = packed;
  const { hiddenSize, maxLength } = family.dimensions(config);
  const embeds = new Float32Array(ids.length * hiddenSize);
  await embedding.read(ids, embeds, 0);
  const { cos, sin } = family.rotary(config, { start: 0, count: ids.length, positions: indexPositions });
  const rows = Array.from(ids, (_, i) => i);
  const inputs = {
    inputs_embeds: float32(embeds, [1, ids.length, hiddenSize]),
    cos: float32(cos, [ids.length, cos.length / ids.length]),
    sin: float32(sin, [ids.length, sin.length / ids.length]),
    position_ids: int64(rows, [1, ids.length]),
    seqlens_k: int32([ids.length - 1]),
    total_sequence_length: int32([ids.length], []),
    logits_rows: int64(rows),
  };
  const cache = createSlotCache({ device: "cpu" }, { layers: family.states(config), numSlots: 1, maxLength });
  const lengths = { length: ids.length, cached: [0], added: [{ slot: 0, position: 0, count: ids.length }] };
  const results = await cache.use({ first: 0, count: 1 }, lengths, ({ past, outputs }) =>
    decoder.run({ ...inputs, ...past }, { ...outputs, logits: null }),
  );
  return results.logits!.data as Float32Array;
}

function compared(reference: readonly Float32Array[], found: readonly Float32Array[], windows: readonly number[][]) {
  let [kl, same, count] = [0, 0, 0];
  for (const [n, expected] of reference.entries()) {
    const width = expected.length / windows[n]!.length;
    for (let at = 0; at < expected.length; at += width) {
      const one = divergence(expected.subarray(at, at + width), found[n]!.subarray(at, at + width));
      kl += one.kl;
      same += one.sameTop ? 1 : 0;
      count++;
    }
  }
  return { kl: kl / count, same: same / count };
}
