/**
 * One picture and a short question, answered by Hugging Face transformers in bf16 and by us in int4, from the same random
 * checkpoint of the Qwen3-VL-2B shape. Every answer has a process of its own, whose peak RSS is that side's; rounds alternate.
 */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { defaultThreads } from "../../src/core/backend/index.js";
import { pack, parsePlan } from "../../src/core/pack/index.js";
import { loadModel } from "../../src/core/runtime/index.js";

/** What one process has to say of its last answer. */
interface AnswerFigures {
  readonly promptTokens: number;
  readonly openMs: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
  readonly peakBytes: number;
}

interface Side {
  readonly name: string;
  answer(images: readonly string[]): AnswerFigures;
}

const side = 448;
const numTokens = 32;

export interface TransformersOptions {
  readonly work: string;
  readonly rounds: number;
  /** An interpreter that has torch, transformers and PIL. */
  readonly python: string | undefined;
}

export async function besideTransformers({ work, rounds, python }: TransformersOptions): Promise<void> {
  if (python === undefined)
    return console.log(
      "transformers: skipped; name a Python that has torch, transformers and PIL: --python PATH or OCELLUS_BENCH_PYTHON",
    );
  const checkpoint = join(work, "qwen3_vl-2b");
  if (!existsSync(join(checkpoint, "tokenizer.json"))) makeCheckpoint(checkpoint);
  const images = [await noise(work, "warm-up"), await noise(work, "measured")];
  const sides = [transformers(python, checkpoint), await ours(checkpoint, 32), await ours(checkpoint, 128)];
  const figures = sides.map((): AnswerFigures[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [s, one] of sides.entries()) figures[s]!.push(one.answer(images));
  print(sides, figures);
}

/** The step that a process of its own runs: the first pictures warm up, the last one counts. */
export async function answerImages(packed: string, images: readonly string[]): Promise<AnswerFigures> {
  const started = performance.now();
  const model = await loadModel(packed, { device: "cpu" });
  const openMs = performance.now() - started;
  const ask = (image: string) =>
    model.answer([{ role: "user", content: [{ type: "image", image }, "?"] }], { maxTokens: numTokens });
  for (const picture of images.slice(0, -1)) await ask(picture);
  const { usage, timings } = await ask(images.at(-1)!);
  await model.close();
  const { firstTokenMs, tokensPerSecond } = timings;
  const peakBytes = process.resourceUsage().maxRSS * 1024; // maxRSS counts in KiB
  return { promptTokens: usage.promptTokens, openMs, firstTokenMs, tokensPerSecond, peakBytes };
}

function transformers(python: string, checkpoint: string): Side {
  const script = join(import.meta.dirname, "transformers-answer.py");
  const fixed = [script, checkpoint, String(defaultThreads()), String(numTokens)];
  return { name: "transformers bf16", answer: (images) => lastLine(python, [...fixed, ...images]) };
}

async function ours(checkpoint: string, blockSize: 32 | 128): Promise<Side> {
  const packed = `${checkpoint}-int4-b${blockSize}`;
  rmSync(packed, { recursive: true, force: true }); // an older packing of ours would be measured
  await pack(checkpoint, { plan: parsePlan("int4", { blockSize }), into: packed });
  const runner = join(import.meta.dirname, "../run.ts");
  const fixed = [...process.execArgv, runner, "peers", "answer", packed];
  return { name: `int4 block ${blockSize}`, answer: (images) => lastLine(process.execPath, [...fixed, ...images]) };
}

function lastLine(command: string, args: readonly string[]): AnswerFigures {
  const out = execFileSync(command, args, { stdio: "pipe" });
  return JSON.parse(out.toString().trim().split("\n").at(-1)!) as AnswerFigures;
}

function makeCheckpoint(folder: string): void {
  const script = join(import.meta.dirname, "../../scripts/random-checkpoint.ts");
  execFileSync(process.execPath, [...process.execArgv, script, "qwen3_vl-2b", folder], { stdio: "inherit" });
}

async function noise(work: string, name: string): Promise<string> {
  const path = join(work, `${name}.png`);
  const grain = { type: "gaussian", mean: 128, sigma: 40 } as const;
  await sharp({ create: { width: side, height: side, channels: 3, background: "gray", noise: grain } })
    .png()
    .toFile(path);
  return path;
}

// ----------------------------------------------------------------------------------------------------------- table

interface Row {
  readonly name: string;
  readonly goal: string;
  value(figures: AnswerFigures): number;
  /** How many times better the second is than the first. */
  better(theirs: number, ours: number): number;
}

const faster = (theirs: number, ours: number) => theirs / ours;
const rows: readonly Row[] = [
  { name: "first token, ms", goal: "1.5×", value: (f) => f.firstTokenMs, better: faster },
  { name: "decode, tokens/s", goal: "3×", value: (f) => f.tokensPerSecond, better: (theirs, ours) => ours / theirs },
  { name: "peak RSS, MB", goal: "3×", value: (f) => f.peakBytes / 1e6, better: faster },
  { name: "opening, ms", goal: "", value: (f) => f.openMs, better: faster },
];

function print(sides: readonly Side[], figures: readonly (readonly AnswerFigures[])[]): void {
  const counts = new Set(figures.flat().map((f) => f.promptTokens));
  console.log(`Qwen3-VL-2B, ${side}×${side}, ${[...counts].join(" / ")} prompt tokens; (× better than transformers)`);
  console.log(`${"".padEnd(18)}${sides.map(({ name }) => name.padStart(22)).join("")}   goal`);
  for (const { name, goal, value, better } of rows) {
    const middles = figures.map((own) => middle(own.map(value)));
    const cells = middles.map((m, s) => m.toFixed(1) + (s === 0 ? "" : ` (${better(middles[0]!, m).toFixed(2)}×)`));
    console.log(`${name.padEnd(18)}${cells.map((cell) => cell.padStart(22)).join("")}${goal.padStart(7)}`);
  }
}

export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
