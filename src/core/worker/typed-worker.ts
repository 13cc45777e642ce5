/**
 * Typed calls to a worker of our own, a thread or a process, in the order in which they were made, one at a time. A call
 * that exceeds its time or the worker's memory fails alone: the worker is ended, and a new one takes the calls that wait.
 * Nothing is shared: arguments are copied, results copied or moved (serve.ts). Workers start when they are first needed;
 * idle ones keep no process alive.
 */
import { aborted, OcellusError, throwIfAborted } from "../base/index.js";
import { errorOf } from "./failure.js";
import type { Limit, Methods, Reply, Request, WorkerOptions } from "./messages.js";
import { type Peer, startProcess, startThread } from "./peers.js";

interface Call {
  readonly request: Request;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onNote: ((note: unknown) => void) | undefined;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with what the method tells while it runs. */
  readonly onNote?: ((note: unknown) => void) | undefined;
}

export class TypedWorker<M extends Methods> {
  readonly #options: WorkerOptions;
  readonly #waiting: Call[] = [];
  #worker: Peer | undefined;
  #isReady = false;
  #running: Call | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastId = 0;
  /** Why it takes no more calls. */
  #ended: OcellusError | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Whether all calls fail: closed, or the end of a worker that kept state. */
  get isLost(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * @throws what the method throws; `aborted` (a call that runs already is not interrupted, its result is dropped);
   * `limitError`; `unavailable` when the worker does not start; `internal` when it dies; `closed`.
   */
  async call<K extends keyof M & string>(
    method: K,
    args: Parameters<M[K]>,
    { signal, onNote }: CallOptions = {},
  ): Promise<Awaited<ReturnType<M[K]>>> {
    throwIfAborted(signal);
    if (this.#ended) throw this.#ended;
    let stop = () => {};
    try {
      return await new Promise((resolve, reject) => {
        const call: Call = {
          request: { id: ++this.#lastId, method, args },
          resolve: resolve as Call["resolve"],
          reject,
          onNote,
        };
        stop = () => {
          const at = this.#waiting.indexOf(call);
          if (at >= 0) this.#waiting.splice(at, 1);
          reject(aborted(signal));
        };
        signal?.addEventListener("abort", stop, { once: true });
        this.#waiting.push(call);
        this.#next();
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Ends the worker; calls that are not done fail with `closed`. */
  async close(): Promise<void> {
    const { name } = this.#options;
    const worker = this.#worker;
    this.#ended = new OcellusError("closed", `${name} is closed`);
    this.#drop(this.#ended);
    await worker?.end();
  }

  #next(): void {
    if (this.#running || this.#waiting.length === 0) return;
    this.#worker ??= this.#start();
    this.#worker.hold(true);
    if (!this.#isReady) return; // "ready" comes back here
    const call = this.#waiting.shift()!;
    this.#running = call;
    const { maxCallMs } = this.#options;
    if (maxCallMs !== undefined) this.#timer = setTimeout(() => this.#exceed("time"), maxCallMs);
    try {
      this.#worker.post(call.request);
    } catch (cause) {
      const message = `${this.#options.name} cannot be sent ${call.request.method}'s arguments: ${cause}`;
      this.#settle({ id: call.request.id, failure: { code: "invalid_request", message, details: {} } });
    }
  }

  #start(): Peer {
    const { name, kind } = this.#options;
    const current = (listener: () => void) => {
      if (worker === this.#worker) listener(); // what was given up says no more
    };
    const worker: Peer = (kind === "process" ? startProcess : startThread)(this.#options, {
      reply: (reply) => current(() => this.#settle(reply)),
      outOfMemory: () => current(() => this.#exceed("memory")),
      died: (reason) =>
        current(() =>
          this.#drop(new OcellusError("internal", `internal: ${name} died: ${reason}`, { details: { reason } })),
        ),
    });
    const { maxStartMs = 60_000 } = this.#options;
    const details = { limit: "start", maxStartMs };
    this.#timer = setTimeout(
      () => this.#drop(new OcellusError("unavailable", `${name} did not start within ${maxStartMs} ms`, { details })),
      maxStartMs,
    );
    return worker;
  }

  #settle({ id, value, failure, note }: Reply): void {
    if (note !== undefined) return void (this.#running?.request.id === id && this.#running.onNote?.(note));
    if (id === 0) {
      this.#isReady = true;
      clearTimeout(this.#timer);
    }
    const call = this.#running;
    if (call?.request.id === id) {
      clearTimeout(this.#timer);
      this.#running = undefined;
      if (failure) call.reject(errorOf(failure));
      else call.resolve(value);
    }
    if (this.#waiting.length === 0) this.#worker?.hold(false);
    this.#next();
  }

  #exceed(limit: Limit): void {
    const { name, limitError = defaultLimitError(name) } = this.#options;
    this.#drop(limitError(limit));
  }

  /** Gives the worker up, and with it the call that it had (or, while it was starting, the next one). */
  #drop(error: OcellusError): void {
    clearTimeout(this.#timer);
    const [worker, call] = [this.#worker, this.#running ?? this.#waiting.shift()];
    this.#worker = undefined;
    this.#isReady = false;
    this.#running = undefined;
    void worker?.end();
    call?.reject(error);
    if (this.#options.keepsState) this.#ended ??= error;
    if (this.#ended) for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#ended);
    else this.#next();
  }
}

function defaultLimitError(name: string): (limit: Limit) => OcellusError {
  return (limit) =>
    new OcellusError(limit === "time" ? "timeout" : "too_large", `${name} exceeded its limit of ${limit}`, {
      details: { limit },
    });
}
