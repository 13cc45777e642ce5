/**
 * One streaming pass over checkpoints: many jobs, done by as many threads as there are cores, each job once. A small
 * checkpoint is read by the process itself: threads take longer to start than it takes to read.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type ErrorCode, OcellusError, threadScript, throwIfAborted } from "../core/base/index.js";
import { type Job, type JobResult, JobRunner } from "./job.js";

export interface PassOptions {
  /** Default: the cores this process may use. */
  readonly threads?: number;
  /** Reads in other threads however little there is to read: this one has others to answer. */
  readonly apart?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface Answer {
  readonly result?: unknown;
  readonly failure?: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> };
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
  const onAbort = () => void Promise.all(runners.map((runner) => runner.close()));
  signal?.addEventListener("abort", onAbort, { once: true });
  let [next, doneBytes] = [0, 0];
  const work = async (runner: Runner) => {
    while (next < jobs.length) {
      throwIfAborted(signal);
      const job = jobs[next++]!;
      take(await runner.run(job), job);
      doneBytes += job.piece.sizeBytes;
      onProgress?.(doneBytes, totalBytes);
    }
  };
  try {
    await Promise.all(runners.map(work));
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await Promise.all(runners.map((runner) => runner.close()));
  }
}

type Runner = Pick<JobRunner, "run" | "close">;

function startRunners(totalBytes: number, threads: number, apart: boolean): Runner[] {
  if (!apart && (totalBytes < inlineBytes || threads <= 1)) return [new JobRunner()];
  return Array.from({ length: threads }, () => new ThreadRunner());
}

/** A `JobRunner` in a thread of its own. */
class ThreadRunner implements Runner {
  readonly #worker = new Worker(threadScript("pass-worker", import.meta.url));
  #pending: { resolve(result: unknown): void; reject(error: unknown): void } | undefined;

  constructor() {
    this.#worker.on("message", ({ result, failure }: Answer) => {
      if (failure) this.#pending?.reject(new OcellusError(failure.code, failure.message, { details: failure.details }));
      else this.#pending?.resolve(result);
    });
    this.#worker.on("error", (cause) =>
      this.#pending?.reject(new OcellusError("internal", `internal: a thread died: ${cause.message}`, { cause })),
    );
  }

  run<J extends Job>(job: J): Promise<JobResult<J>> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve: resolve as (result: unknown) => void, reject };
      this.#worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    this.#pending?.reject(new OcellusError("aborted", "the pass was stopped"));
    await this.#worker.terminate();
  }
}
