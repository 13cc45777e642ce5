/**
 * A graph on a thread of its own. ONNX Runtime's `run` is one synchronous call that holds up its thread for as long as it
 * takes (docs/log.md); beside the caller's, requests are read, hang-ups heard and other graphs run meanwhile. Inputs are
 * copied to the thread, outputs handed over, and a decoder's cache lives there. CPU only: buffers of other devices cannot travel.
 */
import { Worker } from "node:worker_threads";
import { type ErrorCode, invariant, OcellusError, threadScript } from "../base/index.js";
import { isRecurrent } from "../graph/index.js";
import type { CachedGraph, Results } from "./graph.js";
import type { LosableGraph } from "./reopening-graph.js";
import { type DeviceTensor, type Feeds, type SessionOptions, tensor } from "./session.js";
import type { CacheRoom, KeptRoom, KvCacheShape, SlotRun } from "./slot-cache.js";

/** What of a tensor can travel. */
export type PlainTensor = Pick<DeviceTensor, "type" | "data" | "dims">;

export type Task =
  | { readonly kind: "cache"; readonly shape: KvCacheShape }
  | { readonly kind: "run"; readonly feeds: Readonly<Record<string, PlainTensor>>; readonly outputs: readonly string[] }
  | {
      readonly kind: "step";
      readonly feeds: Readonly<Record<string, PlainTensor>>;
      readonly outputs: readonly string[];
      readonly slots: SlotRun;
      readonly room: CacheRoom;
    }
  | { readonly kind: "save"; readonly slot: number; readonly start: number; readonly count: number }
  | {
      readonly kind: "restore";
      readonly slot: number;
      readonly start: number;
      readonly count: number;
      readonly values: Float32Array;
      readonly room: KeptRoom;
    }
  | { readonly kind: "close" };

/** In the order of the tasks. */
export interface Answer {
  readonly results?: Readonly<Record<string, PlainTensor>>;
  readonly cacheBytes: number;
  readonly failure?: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> };
}

export interface ThreadOptions {
  /** The model, or the file that holds it. */
  readonly model: string | Uint8Array;
  readonly options: SessionOptions;
}

interface Job {
  readonly resolve: (results: Results) => void;
  readonly reject: (error: unknown) => void;
}

export class GraphThread implements LosableGraph {
  readonly device = "cpu";
  readonly #worker: Worker;
  /** Of the tasks that are not answered, oldest first. */
  readonly #jobs: Job[] = [];
  #cacheBytes = 0;
  #hasCache = false;
  #lost: OcellusError | undefined;

  private constructor(model: string | Uint8Array, options: SessionOptions) {
    const workerData: ThreadOptions = { model, options };
    this.#worker = new Worker(threadScript("graph-worker", import.meta.url), { workerData });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (cause) => this.#lose(cause));
    this.#worker.on("exit", (code) => this.#lose(new Error(`it ended with ${code}`))); // killed: no error is told
  }

  /** Whether its thread is gone: all that it is asked fails. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** As `GraphSession.open`. */
  static async open(model: string | Uint8Array, options: SessionOptions): Promise<GraphThread> {
    invariant(options.device === "cpu", "a graph thread runs on the CPU");
    const thread = new GraphThread(model, options);
    try {
      await thread.#opened();
      return thread;
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
  }

  run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results> {
    invariant(
      Object.values(outputs).every((output) => output === null),
      "a graph thread allocates its outputs",
    );
    return this.#ask({ kind: "run", feeds: plain(feeds), outputs: Object.keys(outputs) });
  }

  /** The one cache of this graph. @throws `unsupported` for a second one, which would take the first one's place. */
  withCache(shape: KvCacheShape): CachedGraph {
    if (this.#hasCache)
      throw new OcellusError(
        "unsupported",
        "a graph on a thread of its own has one cache, that of the running answers; to score answers, load the model without graphThreads",
        { details: { option: "graphThreads", limit: 1 } },
      );
    this.#hasCache = true;
    const made = this.#ask({ kind: "cache", shape });
    made.catch(() => {}); // the first step says so too
    const bytes = () => this.#cacheBytes;
    return {
      get bytes() {
        return bytes();
      },
      batchesAnywhere: true,
      step: (feeds, slots, room, outputs) => this.#ask({ kind: "step", feeds: plain(feeds), slots, room, outputs }),
      ...(!isRecurrent(shape.layers) && this.#saving()),
      close: async () => {}, // with the thread
    };
  }

  #saving(): Required<Pick<CachedGraph, "save" | "restore">> {
    return {
      save: async (slot, start, count) => {
        const { values } = await this.#ask({ kind: "save", slot, start, count });
        return values!.data as Float32Array;
      },
      restore: async (slot, start, count, values, room) => {
        await this.#ask({ kind: "restore", slot, start, count, values, room }); // copied: who keeps the values still has them
      },
    };
  }

  async close(): Promise<void> {
    if (!this.#lost) await this.#ask({ kind: "close" });
    await this.#worker.terminate();
  }

  #ask(task: Task): Promise<Results> {
    if (this.#lost) return Promise.reject(this.#lost);
    this.#worker.postMessage(task);
    return this.#opened();
  }

  /** The next answer; the first says that the graph is open. */
  #opened(): Promise<Results> {
    this.#worker.ref();
    return new Promise((resolve, reject) => this.#jobs.push({ resolve, reject }));
  }

  #settle({ results = {}, cacheBytes, failure }: Answer): void {
    const job = this.#jobs.shift();
    invariant(job, "a graph thread answers what it was asked");
    if (this.#jobs.length === 0) this.#worker.unref(); // an idle thread does not keep the process alive
    this.#cacheBytes = cacheBytes;
    if (failure) job.reject(new OcellusError(failure.code, failure.message, { details: failure.details }));
    else job.resolve(Object.fromEntries(Object.entries(results).map(([name, value]) => [name, tensor(value)])));
  }

  #lose(cause: Error): void {
    this.#lost ??= new OcellusError("internal", `internal: a graph thread died: ${cause.message}`, { cause });
    for (const job of this.#jobs.splice(0)) job.reject(this.#lost);
  }
}

function plain(feeds: Feeds): Record<string, PlainTensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data, dims }]));
}
