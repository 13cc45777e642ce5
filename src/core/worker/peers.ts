/**
 * The two kinds of workers, behind one interface. A thread is light and has no limit of memory: beyond such a limit one large allocation
 * ends the whole process (V8's fatal error, docs/log.md). What a stranger may have written runs in a process of its own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { Worker } from "node:worker_threads";
import type { Reply, Request, Start, WorkerOptions } from "./messages.js";
import { processScript, threadScript } from "./worker-script.js";

export interface Peer {
  /** @throws when something in it cannot be copied. */
  post(request: Request): void;
  /** Whether it keeps this process alive. */
  hold(isHeld: boolean): void;
  end(): Promise<void>;
}

export interface Listener {
  reply(reply: Reply): void;
  outOfMemory(): void;
  died(reason: string): void;
}

export function startThread({ script, data, maxCallMs }: WorkerOptions, listener: Listener): Peer {
  const worker = new Worker(threadScript(...script), { workerData: { data, maxCallMs } satisfies Start });
  worker.on("message", (reply: Reply) => listener.reply(reply));
  worker.on("error", (cause: Error) => listener.died(cause.message));
  worker.on("exit", (code) => listener.died(`it ended with ${code}`));
  return {
    post: (request) => worker.postMessage(request),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    end: async () => void (await worker.terminate()),
  };
}

const processes = new Set<ChildProcess>();
/** A process that calculates forever would not hear that this one has ended. */
const endAll = () => {
  for (const child of processes) child.kill("SIGKILL");
};

export function startProcess({ script, data, maxCallMs, maxHeapMiB }: WorkerOptions, listener: Listener): Peer {
  const { file, execArgv } = processScript(...script);
  const child = fork(file, {
    cwd: tmpdir(),
    execArgv: [...execArgv, ...(maxHeapMiB !== undefined ? [`--max-old-space-size=${maxHeapMiB}`] : [])],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  if (processes.size === 0) process.on("exit", endAll);
  processes.add(child);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      processes.delete(child);
      if (processes.size === 0) process.off("exit", endAll);
      resolve();
      const isOutOfMemory = maxHeapMiB !== undefined && (signal === "SIGABRT" || code === 134);
      if (isOutOfMemory) listener.outOfMemory();
      else listener.died(`it ended with ${code ?? signal}`);
    });
  });
  child.on("error", (cause) => listener.died(cause.message));
  child.on("message", (reply: Reply) => listener.reply(reply));
  child.send({ data, maxCallMs } satisfies Start);
  return {
    post: (request) => void child.send(request),
    hold(isHeld) {
      if (isHeld) child.ref();
      else child.unref();
      if (isHeld) child.channel?.ref();
      else child.channel?.unref();
    },
    async end() {
      child.ref(); // or this process, with nothing else to do, would end in the middle of waiting
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) await exited;
    },
  };
}
