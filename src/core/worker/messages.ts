/** What is said between the two ends of a worker, and how one is asked for. */
import type { ErrorCode, OcellusError } from "../base/index.js";

/** What a worker can do: plain data in, plain data out. */
// biome-ignore lint/suspicious/noExplicitAny: the parameters of each method are its own; `call` checks them
export type Methods = Readonly<Record<string, (...args: any[]) => unknown>>;

export type Limit = "time" | "memory";

export interface WorkerOptions {
  /** A module that calls `serve`: its name without extension, and `import.meta.url` of a module beside it. */
  readonly script: readonly [name: string, moduleUrl: string];
  /** Default "thread". What a stranger may have written runs in a process (peers.ts). */
  readonly kind?: "thread" | "process";
  /** Names the worker in errors: "the tokenizer's thread". */
  readonly name: string;
  /** For `serve`. */
  readonly data?: unknown;
  /** What the methods keep dies with the worker: calls then fail with what it died of, instead of finding another one empty. */
  readonly keepsState?: boolean;
  /** Of one call, from when the worker takes it. Default: none. */
  readonly maxCallMs?: number;
  /** From the worker's start to its first call. Default: a minute, for machines under heavy load. */
  readonly maxStartMs?: number;
  /** Of the heap of JavaScript in a process; a thread cannot be held to one (peers.ts). Default: Node's own. */
  readonly maxHeapMiB?: number;
  /** The error of a call that exceeded a limit. Default: `timeout`, `too_large`. */
  readonly limitError?: (limit: Limit) => OcellusError;
}

export interface Request {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The first reply, of id 0, says that the worker is ready. */
export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure;
  /** Of a call that is not done. */
  readonly note?: unknown;
}

/** What a worker is started with. */
export interface Start {
  readonly data: unknown;
  /** Processes end themselves a little after this, should the one that started them be gone. */
  readonly maxCallMs: number | undefined;
}
