/** Runs the questions of evaluation files on one packed model, in a process of its own: see task-process.ts. */
import { resolve } from "node:path";
import { TypedWorker } from "../../../core/worker/index.js";
import type { TaskJob, TaskMethods, TaskProgress, TaskResult } from "./task-process.js";

interface RunOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** @throws what the process found; `aborted`; `internal` when it died. */
export async function runTaskProcess(job: TaskJob, { signal, onProgress }: RunOptions): Promise<TaskResult> {
  const worker = new TypedWorker<TaskMethods>({
    script: ["task-process", import.meta.url],
    kind: "process",
    name: "the process of a format",
  });
  const onNote = (note: unknown) => onProgress((note as TaskProgress).done, (note as TaskProgress).total);
  const files = job.files.map((file) => resolve(file)); // it works in another folder
  try {
    return await worker.call("run", [{ ...job, files, packedPath: resolve(job.packedPath) }], { signal, onNote });
  } finally {
    await worker.close();
  }
}
