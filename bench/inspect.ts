/**
 * What opening a checkpoint costs: from its headers, and with every value read. Each measurement is a process of its own.
 * `npm run bench -- inspect [CHECKPOINT] [--values]`; without a checkpoint, headers of the 8B shapes over holes on disk.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familyOf } from "../src/core/models/index.js";
import { wantedTensors } from "../src/core/pack/index.js";
import { describeCheckpoint, examine, inspectPage } from "../src/inspect/index.js";
import { config8B, writeSparseCheckpoint } from "../src/inspect/unknown-family.testkit.js";

interface Measured {
  readonly ms: number;
  readonly peakBytes: number;
  readonly numTensors: number;
  readonly sizeBytes: number;
  readonly pageBytes?: number;
}

export async function main(args: string[]): Promise<void> {
  if (args[0] === "measure") return measure(args[1] as "headers" | "values", args[2]!);
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  try {
    const path = args.find((arg) => !arg.startsWith("--")) ?? sparse8B(folder);
    report(path, args.includes("--values"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sparse8B(folder: string): string {
  const family = familyOf(config8B);
  writeSparseCheckpoint(folder, wantedTensors(family, family.parseConfig(config8B)), config8B);
  return folder;
}

function report(path: string, withValues: boolean): void {
  const runs = Array.from({ length: 5 }, () => inProcess("headers", path)).sort((a, b) => a.ms - b.ms);
  const { numTensors, sizeBytes, peakBytes } = runs[0]!;
  const gigabytes = (sizeBytes / 1e9).toFixed(1);
  const times = runs.map(({ ms }) => ms.toFixed(0)).join(", ");
  console.log(
    `headers of ${numTensors} tensors, ${gigabytes} GB: ${times} ms (goal ≤ 500), peak ${megabytes(peakBytes)}`,
  );
  if (!withValues) return;
  const values = inProcess("values", path);
  const rate = (sizeBytes / 1e6 / (values.ms / 1000)).toFixed(0);
  console.log(
    `every value, health and page: ${(values.ms / 1000).toFixed(1)} s, ${rate} MB/s, peak ${megabytes(values.peakBytes)}; ` +
      `page of ${megabytes(values.pageBytes!)}`,
  );
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;

function inProcess(what: "headers" | "values", path: string): Measured {
  const script = [join(import.meta.dirname, "run.ts"), "inspect", "measure", what, path];
  const child = spawnSync(process.execPath, [...process.execArgv, ...script], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout.trim().split("\n").at(-1)!) as Measured;
}

/** Without the start of Node.js and what the modules take to load. */
async function measure(what: "headers" | "values", path: string): Promise<void> {
  const started = performance.now();
  const examination = what === "values" ? await examine(path, {}) : undefined;
  const description = examination?.description ?? (await describeCheckpoint(path));
  const page = examination && inspectPage(examination);
  const { numTensors, sizeBytes } = description;
  const measured: Measured = {
    ...{ ms: performance.now() - started, peakBytes: process.resourceUsage().maxRSS * 1024, numTensors, sizeBytes },
    ...(page !== undefined && { pageBytes: Buffer.byteLength(page) }),
  };
  console.log(JSON.stringify(measured));
}
