/** One target, fuzzed iteration by iteration: what may come out of a reader, in which time and memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { OcellusError } from "../../src/core/base/index.js";
import { randomOf } from "./random.js";
import type { Target } from "./targets.js";

export interface FuzzOptions {
  readonly seed: number;
  /** The first iteration. */
  readonly start: number;
  readonly iterations: number;
  readonly seconds: number;
  /** Told before each iteration. */
  readonly onIteration?: (iteration: number) => void;
}

export interface Finding {
  readonly iteration: number;
  readonly reason: string;
  readonly input: Uint8Array;
}

export interface FuzzResult {
  readonly numIterations: number;
  /** How many inputs were read without an error: none at all would mean that the mutations are too wild. */
  readonly numAccepted: number;
  readonly finding?: Finding;
}

/** Of processor time, for inputs of some kilobytes. */
const maxIterationMs = 2000;
const maxGrowthBytes = 300e6;
const checkMemoryEvery = 2000;
/** Longest message: a long path and two long names fit. */
const maxMessage = 400;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-fuzz-"));
  try {
    return await run(target, options, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(target: Target, options: FuzzOptions, folder: string): Promise<FuzzResult> {
  const seeds = await target.seeds(folder);
  const deadline = Date.now() + options.seconds * 1000;
  let [numAccepted, baselineBytes, n] = [0, 0, 0];
  for (; n < options.iterations && Date.now() < deadline; n++) {
    const iteration = options.start + n;
    options.onIteration?.(iteration);
    const random = randomOf(options.seed, iteration);
    const input = target.mutate(random.pick(seeds), random, seeds);
    const outcome = await read(target, input, folder);
    if (outcome === "accepted") numAccepted++;
    else if (outcome !== "refused")
      return { numIterations: n + 1, numAccepted, finding: { iteration, reason: outcome, input } };
    if (n % checkMemoryEvery !== checkMemoryEvery - 1) continue;
    collectGarbage();
    const { rss } = process.memoryUsage();
    baselineBytes ||= rss;
    if (rss - baselineBytes > maxGrowthBytes) {
      const reason = `memory grew by ${rss - baselineBytes} bytes since iteration ${options.start + checkMemoryEvery}`;
      return { numIterations: n + 1, numAccepted, finding: { iteration, reason, input } };
    }
  }
  return { numIterations: n, numAccepted };
}

/** "accepted", "refused", or what is wrong with the way it ended. */
async function read(target: Target, input: Uint8Array, folder: string): Promise<string> {
  const before = process.cpuUsage();
  const outcome = await target.run(input, folder).then(() => "accepted", judge);
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1000;
  return tookMs > maxIterationMs ? `it took ${tookMs.toFixed(0)} ms of processor time` : outcome;
}

function judge(error: unknown): string {
  if (!(error instanceof OcellusError)) return `not our error: ${(error as Error)?.stack ?? String(error)}`;
  if (error.code === "internal") return `a broken promise of ours: ${error.stack}`;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(error.message))
    return `a message of several lines: ${JSON.stringify(error.message)}`;
  return error.message.length > maxMessage
    ? `a message of ${error.message.length} characters: ${error.message}`
    : "refused";
}
