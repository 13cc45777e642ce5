/**
 * One streaming pass over checkpoints: many jobs, done by as many threads as there are cores, each job once. A small
 * checkpoint is read by the process itself: threads take longer to start than it takes to read.
 */
import { availableParallelism } from "node:os";
import { throwIfAborted } from "../core/base/index.js";
import { TypedWorker } from "../core/worker/index.js";
import { type Job, type JobResult, JobRunner } from "./job.js";
import type { PassMethods } from "./pass-worker.js";

export interface PassOptions {
  /** Default: the cores this process may use. */
  readonly threads?: number;
  /** Reads in other threads however little there is to read: this one has others to answer. */
  readonly apart?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Less than this is read sooner than threads start: two of them take some 100 ms. */
const inlineBytes = 64e6;

/**
 * Runs all jobs; `take` gets each result with its job, in no certain order.
 * @throws what a job throws; `aborted`.
 */
export async function runPass<J extends Job & { readonly piece: { readonly sizeBytes: number } }>(
  jobs: readonly J[],
  take: (result: JobResult<J>, job: J) => void,
  { threads = availableParallelism(), apart = false, signal, onProgress }: PassOptions,
): Promise<void> {
  const totalBytes = jobs.reduce((sum, job) => sum + job.piece.sizeBytes, 0);
  const runners = startRunners(totalBytes, Math.min(threads, jobs.length), apart);
  let [next, doneBytes] = [0, 0];
  const work = async (runner: Runner) => {
    while (next < jobs.length) {
      throwIfAborted(signal);
      const job = jobs[next++]!;
      take((await runner.run(job, signal)) as JobResult<J>, job);
      doneBytes += job.piece.sizeBytes;
      onProgress?.(doneBytes, totalBytes);
    }
  };
  try {
    await Promise.all(runners.map(work));
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
  }
}

interface Runner {
  run(job: Job, signal?: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

function startRunners(totalBytes: number, threads: number, apart: boolean): Runner[] {
  if (!apart && (totalBytes < inlineBytes || threads <= 1)) return [new JobRunner()];
  return Array.from({ length: threads }, threadRunner);
}

/** A `JobRunner` in a thread of its own. */
function threadRunner(): Runner {
  const worker = new TypedWorker<PassMethods>({
    script: ["pass-worker", import.meta.url],
    name: "a thread of the pass",
  });
  return { run: (job, signal) => worker.call("run", [job], { signal }), close: () => worker.close() };
}
