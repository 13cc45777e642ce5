/**
 * What running answers keep of their pace while others are read: eight clients, once with an image that is known, where nothing
 * but decode steps runs, and once with new ones. Random weights of a published shape; graphs on threads, as a server has them.
 *
 *   npm run bench -- running-pace [--model FOLDER] [--clients 8] [--requests 24] [--tokens 32] [--side 448]
 *   npm run bench -- running-pace --simulate
 *   npm run bench -- running-pace --steps --model PACKED
 *
 * FOLDER is a checkpoint or a packed model; without one, Qwen3-VL 2B is made with random weights (4.3 GB, kept for the next run).
 * With --simulate the engine runs in virtual time on the costs of Qwen3-VL 2B on two quiet cores, for several lengths of steps;
 * with --steps one prompt is read in steps of these lengths.
 */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ChatTimings, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { makeCheckpoint } from "./scale.js";
import { median } from "./support/median.js";
import { timeSteps } from "./support/prompt-steps.js";
import { type Costs, type PaceFigures, simulate } from "./support/virtual-cores.js";

/** Qwen3-VL 2B in int4 blocks of 128, prompts by 8-bit copies, a 448×448 image: docs/benchmarks.md, two cores of a Zen 4 EPYC. */
const costs: Costs = {
  ...{ image: 1300, promptToken: 5.3, promptStep: 55 },
  decode: [0, 42, 55, 70, 85, 100, 118, 136, 155],
};

const stepLengths = [32, 64, 128, 256, 512];

interface Load {
  readonly clients: number;
  readonly requests: number;
  readonly tokens: number;
  readonly side: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: "string" },
      clients: { type: "string", default: "8" },
      requests: { type: "string", default: "24" },
      tokens: { type: "string", default: "32" },
      side: { type: "string", default: "448" },
      simulate: { type: "boolean", default: false },
      steps: { type: "boolean", default: false },
    },
  });
  const { clients, requests, tokens, side } = values;
  const load = { clients: +clients, requests: +requests, tokens: +tokens, side: +side };
  if (values.simulate) return simulateSteps(load);
  if (values.steps) return timeSteps(values.model ?? "", [16, ...stepLengths]);
  const model = await loadModel(values.model ?? random2b(), { graphThreads: true, maxSequences: load.clients });
  await run(model, { ...load, clients: 1, requests: 1 }, () => -1); // brings the weights into memory
  const alone = report("alone", await run(model, { ...load, clients: 1, requests: 2 }, () => -1));
  const known = report("image known", await run(model, load, () => -1));
  const read = report("new images", await run(model, load, (request) => request));
  console.log(
    `slowest answer while others are read: ${((100 * read) / known).toFixed(0)} % of the pace with known images, ` +
      `${((100 * read) / alone).toFixed(0)} % of that alone`,
  );
  await model.close();
}

async function simulateSteps(load: Load): Promise<void> {
  for (const sharedChunk of stepLengths) {
    const figures = await simulate(costs, { ...load, promptLength: 220, sharedChunk });
    report(`${sharedChunk} tokens`, figures);
  }
}

/** One bench shares the checkpoint with another. */
function random2b(): string {
  const folder = join(tmpdir(), "ocellus-bench-scale", "qwen3_vl-2b");
  if (!existsSync(join(folder, "tokenizer.json"))) makeCheckpoint("qwen3_vl-2b", folder, undefined);
  return folder;
}

/** Each client asks when its last question is answered. @param imageOf number of a request's image */
async function run(model: VisionLanguageModel, load: Load, imageOf: (request: number) => number): Promise<PaceFigures> {
  const answers: ChatTimings[] = [];
  const before = model.stats.generatedTokens;
  const pauses = watchPauses(model);
  const started = performance.now();
  let next = 0;
  const client = async () => {
    while (next < load.requests) {
      const shown = image(pattern(load.side, imageOf(next++)));
      const question = { role: "user", content: [shown, "Describe it."] } as const;
      answers.push((await model.answer([question], { maxTokens: load.tokens })).timings);
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  const seconds = (performance.now() - started) / 1000;
  return {
    paces: answers.map((each) => each.tokensPerSecond),
    firstTokenMs: answers.map((each) => each.firstTokenMs),
    longestPauseMs: pauses.end(),
    tokensPerSecond: (model.stats.generatedTokens - before) / seconds,
  };
}

/** The longest time between two decode steps, the time before the first one left out. */
function watchPauses(model: VisionLanguageModel) {
  let [tokens, since, longest] = [model.stats.generatedTokens, 0, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    const { generatedTokens } = model.stats;
    if (generatedTokens === tokens) return;
    if (since > 0) longest = Math.max(longest, now - since);
    [tokens, since] = [generatedTokens, now];
  }, 5);
  return {
    end() {
      clearInterval(timer);
      return longest;
    },
  };
}

/** @returns the pace of the slowest answer */
function report(name: string, { paces, firstTokenMs, longestPauseMs, tokensPerSecond }: PaceFigures): number {
  const slowest = Math.min(...paces);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `${name.padEnd(12)} slowest answer ${slowest.toFixed(1)} tokens/s, middle ${median(paces).toFixed(1)}; ` +
      `all together ${tokensPerSecond.toFixed(1)}; longest pause ${seconds(longestPauseMs)}; ` +
      `first token ${seconds(median(firstTokenMs))}, latest ${seconds(Math.max(...firstTokenMs))}`,
  );
  return slowest;
}

/** Pixels of image `number`, none like another's. */
function pattern(side: number, number: number) {
  const data = Uint8Array.from(
    { length: side * side * 3 },
    (_, i) => (i * (7 + number) + number * 31 + (i >> 8)) & 255,
  );
  return { width: side, height: side, data };
}
