/** The script of a thread of a pass: does one job at a time, gives back its result or the error. See pass.ts. */
import { parentPort } from "node:worker_threads";
import { invariant, OcellusError } from "../core/base/index.js";
import { type Job, JobRunner } from "./job.js";
import type { Answer } from "./pass.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;
const runner = new JobRunner();

port.on("message", async (job: Job) => {
  try {
    const result = await runner.run(job);
    const buffers = Object.values(result).flatMap((value) =>
      ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : [],
    );
    port.postMessage({ result } satisfies Answer, buffers);
  } catch (error) {
    port.postMessage({ failure: described(error) } satisfies Answer);
  }
});

/** A class does not survive the way between threads. */
function described(error: unknown): NonNullable<Answer["failure"]> {
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  return { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}`, details: {} };
}
