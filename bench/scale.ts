/**
 * A model at full size on this machine, random weights: packing (speed, peak memory), opening, the first token and decoding
 * for a 448×448 and a 1024×1024 picture, and for a second question about it. Each step runs in a process of its own, whose peak RSS is that step's.
 *
 *   npm run bench -- scale [--model qwen3_vl-8b | qwen3_5-2b | …] [--work FOLDER] [--weights int4] [--block-size 128] [--embedding-weights int4] [--prefill-weights int8] [--layers N]
 *
 * `--model` is a name that `npm run random-checkpoint` knows, or a folder with the config, tokenizer and processor of any family.
 * The work folder keeps the checkpoint (17.5 GB for 8B) and the packed model for the next run.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { type PackingPlan, pack, packedFiles, parsePlan } from "../src/core/pack/index.js";
import { loadModel } from "../src/core/runtime/index.js";

interface PackFigures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly sourceBytes: number;
  readonly packedBytes: number;
  readonly peakBytes: number;
}

interface AnswerFigures {
  readonly openMs: number;
  readonly openedBytes: number;
  readonly promptTokens: number;
  readonly visionMs: number;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
  readonly peakBytes: number;
  readonly second: SecondFigures;
}

/** Of another question about the same picture. */
interface SecondFigures {
  readonly firstTokenMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** What the prefix cache holds after both. */
  readonly prefixBytes: number;
}

const sides = [448, 1024];
const maxTokens = 16;

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { type: "string", default: "qwen3_vl-8b" },
      work: { type: "string", default: join(tmpdir(), "ocellus-bench-scale") },
      weights: { type: "string", default: "int4" },
      "block-size": { type: "string", default: "128" },
      "embedding-weights": { type: "string", default: "int8" },
      "prefill-weights": { type: "string", default: "same" },
      layers: { type: "string" },
    },
  });
  const [step, ...rest] = positionals;
  if (step === "pack") return report(await measurePack(rest));
  if (step === "answer") return report(await measureAnswer(rest[0]!, Number(rest[1])));

  const { model, work, weights, "block-size": blockSize, "embedding-weights": embeddingWeights, layers } = values;
  const prefillWeights = values["prefill-weights"];
  const name = layers === undefined ? basename(model) : `${basename(model)}-${layers}-layers`;
  const checkpoint = join(work, name);
  const packed = `${checkpoint}-${weights}-b${blockSize}-embedding-${embeddingWeights}`;
  mkdirSync(work, { recursive: true });
  if (!existsSync(join(checkpoint, "tokenizer.json"))) makeCheckpoint(model, checkpoint, layers);
  rmSync(packed, { recursive: true, force: true });
  console.log(
    `${name}, random weights, ${weights} block ${blockSize}, embeddings ${embeddingWeights}, prompts by ${prefillWeights}`,
  );
  printPack(inProcess<PackFigures>(["pack", checkpoint, packed, weights, blockSize, embeddingWeights, prefillWeights]));
  inProcess(["answer", packed, "448"]); // brings the file into the page cache
  for (const side of sides) printAnswer(side, inProcess<AnswerFigures>(["answer", packed, String(side)]));
}

function report(figures: object): void {
  console.log(`\n${JSON.stringify(figures)}`);
}

/** Runs one step as `npm run bench -- scale STEP …` does, and reads the figures on its last line. */
function inProcess<T>(step: readonly string[]): T {
  const runner = join(import.meta.dirname, "run.ts");
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const out = execFileSync(process.execPath, [...process.execArgv, runner, "scale", ...step], { stdio: [...stdio] });
  return JSON.parse(out.toString().trim().split("\n").at(-1)!) as T;
}

export function makeCheckpoint(model: string, folder: string, layers: string | undefined): void {
  const script = join(import.meta.dirname, "../scripts/random-checkpoint.ts");
  const options = layers === undefined ? [] : ["--layers", layers];
  execFileSync(process.execPath, [...process.execArgv, script, model, folder, ...options], { stdio: "inherit" });
}

async function measurePack([
  checkpoint,
  into,
  weights,
  blockSize,
  embeddingWeights,
  prefillWeights,
]: readonly string[]): Promise<PackFigures> {
  let sourceBytes = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  await pack(checkpoint!, {
    plan: parsePlan(weights!, {
      blockSize: Number(blockSize),
      embeddingWeights: embeddingWeights as PackingPlan["embeddingWeights"],
      prefillWeights: prefillWeights as PackingPlan["prefillWeights"],
    }),
    into: into!,
    onProgress: ({ totalBytes }) => {
      sourceBytes = totalBytes;
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const packedBytes = statSync(join(into!, packedFiles.weights)).size;
  return { seconds, cpuSeconds: (user + system) / 1e6, sourceBytes, packedBytes, peakBytes: peakBytes() };
}

async function measureAnswer(path: string, side: number): Promise<AnswerFigures> {
  const started = performance.now();
  const model = await loadModel(path, { graphThreads: true }); // as the command line and the server do
  const openMs = performance.now() - started;
  const openedBytes = process.memoryUsage.rss();
  const shown = await image(side);
  const ask = (text: string) =>
    model.answer([{ role: "user", content: [{ type: "image", image: shown }, text] }], { maxTokens });
  const { usage, timings } = await ask("?");
  const second = await ask("What else is there?");
  const prefixBytes = model.stats.prefixCacheBytes;
  await model.close();
  const { visionMs, firstTokenMs, tokensPerSecond } = timings;
  const { promptTokens, cachedTokens } = second.usage;
  return {
    ...{ openMs, openedBytes, promptTokens: usage.promptTokens },
    ...{ visionMs, firstTokenMs, tokensPerSecond, peakBytes: peakBytes() },
    second: { firstTokenMs: second.timings.firstTokenMs, promptTokens, cachedTokens, prefixBytes },
  };
}

function image(side: number): Promise<Buffer> {
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  return sharp({ create: { width: side, height: side, channels: 3, background: "gray", noise } })
    .png()
    .toBuffer();
}

/** maxRSS counts in KiB. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

function printPack({ seconds, cpuSeconds, sourceBytes, packedBytes, peakBytes: peak }: PackFigures): void {
  const speed = (time: number) => `${(sourceBytes / 1e6 / time).toFixed(0)} MB/s`;
  console.log(
    `pack         ${gigabytes(sourceBytes)} in ${seconds.toFixed(0)} s, ${speed(seconds)}; ` +
      `${speed(cpuSeconds)} a core (goal 150); peak RSS ${gigabytes(peak)} (goal 2); weights ${gigabytes(packedBytes)} (goal 5)`,
  );
}

function printAnswer(side: number, f: AnswerFigures): void {
  console.log(
    `${`${side}×${side}`.padEnd(12)} open ${(f.openMs / 1000).toFixed(1)} s (goal 6), RSS then ${gigabytes(f.openedBytes)}; ` +
      `${f.promptTokens} prompt tokens, vision ${(f.visionMs / 1000).toFixed(1)} s, ` +
      `first token ${(f.firstTokenMs / 1000).toFixed(1)} s, decode ${f.tokensPerSecond.toFixed(2)} tokens/s; ` +
      `peak RSS ${gigabytes(f.peakBytes)} (goal 6.5)`,
  );
  const { firstTokenMs, promptTokens, cachedTokens, prefixBytes } = f.second;
  console.log(
    `${"".padEnd(12)} second question: first token ${(firstTokenMs / 1000).toFixed(2)} s, ` +
      `${(f.firstTokenMs / firstTokenMs).toFixed(1)} times as fast (goal 15); ` +
      `${cachedTokens} of ${promptTokens} tokens cached, prefix cache ${(prefixBytes / 2 ** 20).toFixed(0)} MiB`,
  );
}
