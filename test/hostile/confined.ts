/**
 * The child of hostile.test.ts, run by Node without the right to write a file, start a process or load native code: loads
 * and audits each of the paths that a file lists, and prints what came of it. A breach of the confinement would be an
 * error other than ours, and so is seen.
 */
import { readFileSync } from "node:fs";
import { OcellusError } from "../../src/core/base/index.js";
import { auditCheckpoint } from "../../src/inspect/pickle-audit/audit-file.js";
import { load } from "./load.js";

export interface Outcome {
  /** What it gave, or the message of our error, or "not ours: …". */
  readonly text: string;
  readonly code?: string;
  /** Of processor time. */
  readonly cpuMs: number;
}

export interface Confined {
  readonly baselineBytes: number;
  readonly peakBytes: number;
  /** Of Node's own, those that start processes or threads or run text as code, and that no file had needed before. */
  readonly loadedModules: readonly string[];
  readonly results: readonly { readonly loading: Outcome; readonly audit: Outcome; readonly peakBytes: number }[];
}

async function outcome(task: () => Promise<string>): Promise<Outcome> {
  const before = process.cpuUsage();
  const text = await task().catch((error: unknown) => (error instanceof OcellusError ? error : `not ours: ${error}`));
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  collectGarbage();
  return typeof text === "string" ? { text, cpuMs } : { text: text.message, code: text.code, cpuMs };
}

const mostGarbageBytes = 20e6;
let keptBytes = 0;

/** So that the peak is of one run: not after each, which would take most of the time. */
function collectGarbage(): void {
  const usedBytes = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  if (usedBytes() < keptBytes + mostGarbageBytes) return;
  globalThis.gc!();
  keptBytes = usedBytes();
}

/** The fastest of up to three runs: the first may pay for the compiler, or for a neighbour on the same core. */
async function fastest(task: () => Promise<string>): Promise<Outcome> {
  let best = await outcome(task);
  for (let run = 1; run < 3 && best.cpuMs > 700; run++) {
    const next = await outcome(task);
    if (next.cpuMs < best.cpuMs) best = next;
  }
  return best;
}

function riskyModules(): string[] {
  const { moduleLoadList } = process as unknown as { moduleLoadList: string[] };
  return moduleLoadList.filter((name) => / (child_process|worker_threads|vm)$/.test(name));
}

async function main(paths: readonly string[]): Promise<Confined> {
  await outcome(() => load(".").then(() => "")); // loads what all need
  const baselineBytes = process.memoryUsage().rss;
  const baselineModules = riskyModules(); // a room may import threads for its own use; here it may not start one
  const results: Confined["results"][number][] = [];
  for (const path of paths) {
    const loading = await fastest(() => load(path).then(() => "loaded"));
    const audit = await fastest(async () => (await auditCheckpoint(path)).verdict);
    results.push({ loading, audit, peakBytes: process.resourceUsage().maxRSS * 1024 });
  }
  const loadedModules = riskyModules().filter((name) => !baselineModules.includes(name));
  return { baselineBytes, peakBytes: process.resourceUsage().maxRSS * 1024, loadedModules, results };
}

console.log(JSON.stringify(await main(JSON.parse(readFileSync(process.argv[2]!, "utf8")) as string[])));
