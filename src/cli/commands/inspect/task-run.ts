/** Runs the questions of evaluation files on one packed model, in a process of its own: see task-process.ts. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ErrorCode, OcellusError, throwIfAborted } from "../../../core/base/index.js";

export interface TaskJob {
  readonly packedPath: string;
  /** As `readEvalFiles` and `chooseCases` take them. */
  readonly files: readonly string[];
  readonly kinds?: readonly string[];
  readonly limit?: number;
  readonly parallel: number;
}

export interface TaskResult {
  /** In the order of the chosen questions. */
  readonly correct: readonly boolean[];
  /** Decoding one sequence. */
  readonly tokensPerSecond: number;
  /** The most memory that the process had resident. */
  readonly peakBytes: number;
}

export type TaskMessage =
  | { readonly done: number; readonly total: number }
  | { readonly result: TaskResult }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } };

interface RunOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** @throws what the process found; `aborted`; `internal` when it died. */
export async function runTaskProcess(job: TaskJob, { signal, onProgress }: RunOptions): Promise<TaskResult> {
  throwIfAborted(signal);
  const child = startChild();
  const stop = () => child.kill("SIGKILL"); // it has nothing to put away
  signal.addEventListener("abort", stop, { once: true });
  try {
    child.send(job);
    return await resultOf(child, onProgress);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** From the sources, tsx has to be loaded before the script. */
function startChild(): ChildProcess {
  const isSource = import.meta.url.endsWith(".ts");
  const script = fileURLToPath(new URL(`./task-process.${isSource ? "ts" : "js"}`, import.meta.url));
  const execArgv = isSource ? ["--import", import.meta.resolve("tsx")] : [];
  return fork(script, { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

function resultOf(child: ChildProcess, onProgress: RunOptions["onProgress"]): Promise<TaskResult> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: TaskMessage) => {
      if ("done" in message) onProgress(message.done, message.total);
      else if ("result" in message) resolve(message.result);
      else reject(new OcellusError(message.failure.code, message.failure.message));
    });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new OcellusError("internal", `internal: the process of a format ended with ${signal ?? code}`)),
    );
  });
}
