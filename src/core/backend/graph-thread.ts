/**
 * A graph on a thread of its own. ONNX Runtime's `run` is one synchronous call that holds up its thread for as long as it
 * takes (docs/log.md); beside the caller's, requests are read, hang-ups heard and other graphs run meanwhile. Inputs are
 * copied to the thread, outputs handed over, and a decoder's cache lives there. CPU only: buffers of other devices cannot travel.
 * It has no time limit, and is closed when it is idle: ending a thread within ONNX Runtime ends the whole process (Napi::Error).
 */
import { invariant, OcellusError } from "../base/index.js";
import { isRecurrent } from "../graph/index.js";
import { TypedWorker } from "../worker/index.js";
import type { CachedGraph, Results } from "./graph.js";
import type { GraphMethods, ThreadOptions } from "./graph-worker.js";
import type { LosableGraph } from "./reopening-graph.js";
import type { SessionOptions } from "./session.js";
import type { KvCacheShape } from "./slot-cache.js";
import { type DeviceTensor, type Feeds, plain, tensor } from "./tensors.js";

export class GraphThread implements LosableGraph {
  readonly device = "cpu";
  readonly #worker: TypedWorker<GraphMethods>;
  #cacheBytes = 0;
  #prefillFault: string | undefined;
  #hasCache = false;
  #takesRuns = false;
  readonly #hasPrefill: boolean;

  private constructor(data: ThreadOptions) {
    this.#hasPrefill = data.prefill !== undefined;
    const script = ["graph-worker", import.meta.url] as const;
    this.#worker = new TypedWorker({ script, name: "a graph thread", data, keepsState: true });
  }

  /** Whether its thread is gone: all that it is asked fails. */
  get isLost(): boolean {
    return this.#worker.isLost;
  }

  /** As `GraphSession.open`. @param prefill a second graph over the first one's cache. */
  static async open(
    model: string | Uint8Array,
    options: SessionOptions,
    prefill?: string | Uint8Array,
  ): Promise<GraphThread> {
    invariant(options.device === "cpu", "a graph thread runs on the CPU");
    const thread = new GraphThread({ model, options, prefill });
    try {
      thread.#takesRuns = await thread.#worker.call("opened", []);
      return thread;
    } catch (error) {
      await thread.#worker.close();
      throw error;
    }
  }

  run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results> {
    invariant(
      Object.values(outputs).every((output) => output === null),
      "a graph thread allocates its outputs",
    );
    return this.#noting(this.#worker.call("run", [plain(feeds), Object.keys(outputs)]));
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
    const made = this.#noting(this.#worker.call("cache", [shape]));
    made.catch(() => {}); // the first step says so too
    const bytes = () => this.#cacheBytes;
    const prefillFault = () => this.#prefillFault;
    return {
      get bytes() {
        return bytes();
      },
      batchesAnywhere: true,
      hasPrefill: this.#hasPrefill,
      get prefillFault() {
        return prefillFault();
      },
      takesRuns: this.#takesRuns,
      step: (feeds, ...rest) => this.#noting(this.#worker.call("step", [plain(feeds), ...rest])),
      ...this.#saving(),
      ...(isRecurrent(shape.layers) && this.#savingStates()),
      close: async () => {}, // with the thread
    };
  }

  #saving(): Required<Pick<CachedGraph, "save" | "restore">> {
    return {
      save: (...range) => this.#worker.call("save", range),
      restore: async (...kept) => void (await this.#noting(this.#worker.call("restore", kept))), // copied: who keeps the values still has them
    };
  }

  #savingStates(): Required<Pick<CachedGraph, "saveStates" | "restoreStates">> {
    return {
      saveStates: (slot) => this.#worker.call("saveStates", [slot]),
      restoreStates: (slot, values) => this.#worker.call("restoreStates", [slot, values]),
    };
  }

  async close(): Promise<void> {
    if (!this.isLost) await this.#worker.call("close", []);
    await this.#worker.close();
  }

  async #noting(answer: ReturnType<GraphMethods["run"]>): Promise<Results> {
    const { results, cacheBytes, prefillFault } = await answer;
    this.#cacheBytes = cacheBytes;
    this.#prefillFault = prefillFault;
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, tensor(value)]));
  }
}
