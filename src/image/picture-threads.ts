/**
 * Threads that decode and fit pictures, so that a large photo (a third of a second for twelve megapixels) does not hold up
 * answers that are being written. Each takes one picture at a time: their number also bounds the memory for decoding.
 */
import { Worker } from "node:worker_threads";
import { aborted, type ErrorCode, OcellusError, threadScript, throwIfAborted } from "../base/index.js";
import type { DecodeOptions } from "./decode.js";
import type { PreparedImage } from "./prepare.js";
import type { ImageFile, ImageInput } from "./read-input.js";
import type { ImageRecipe } from "./recipe.js";

export interface Task {
  readonly input: ImageInput | ImageFile;
  readonly recipe: ImageRecipe;
  readonly limits: PictureLimits;
}

export interface Answer {
  readonly prepared?: PreparedImage;
  readonly failure?: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> };
}

export type PictureLimits = Pick<DecodeOptions, "maxBytes" | "maxPixels">;

export interface PictureThreadsOptions {
  readonly count: number;
  readonly limits?: PictureLimits;
}

interface Job {
  readonly task: Task;
  readonly resolve: (prepared: PreparedImage) => void;
  readonly reject: (error: unknown) => void;
}

export class PictureThreads {
  readonly #options: PictureThreadsOptions;
  readonly #waiting: Job[] = [];
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  #isClosed = false;

  /** Threads start when they are first needed. */
  constructor(options: PictureThreadsOptions) {
    this.#options = options;
  }

  /** As `prepareImage`, whose errors it throws. A signal takes a waiting picture out of the queue. */
  async prepare(
    input: ImageInput | ImageFile,
    recipe: ImageRecipe,
    { signal }: Pick<DecodeOptions, "signal"> = {},
  ): Promise<PreparedImage> {
    throwIfAborted(signal);
    if (this.#isClosed) throw new OcellusError("aborted", "the picture threads are closed");
    return new Promise((resolve, reject) => {
      const task = { input, recipe, limits: this.#options.limits ?? {} };
      const onAbort = () => settle(() => reject(aborted(signal)));
      const settle = (end: () => void) => {
        signal?.removeEventListener("abort", onAbort);
        const at = this.#waiting.indexOf(job);
        if (at >= 0) this.#waiting.splice(at, 1);
        end();
      };
      const job: Job = {
        task,
        resolve: (prepared) => settle(() => resolve(prepared)),
        reject: (error) => settle(() => reject(error)),
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(job);
      this.#startNext();
    });
  }

  /** Ends the threads; pictures that are not done fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    for (const job of [...this.#waiting, ...this.#busy.values()])
      job.reject(new OcellusError("aborted", "the picture threads were closed"));
    this.#busy.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #startNext(): void {
    if (this.#isClosed || this.#waiting.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#busy.size < this.#options.count ? this.#start() : undefined);
    if (!worker) return;
    const job = this.#waiting.shift()!;
    this.#busy.set(worker, job);
    worker.ref();
    try {
      worker.postMessage(job.task);
    } catch (cause) {
      // Something that cannot be sent to a thread: no picture of ours.
      this.#settle(worker, { failure: { code: "invalid_request", message: `a picture: ${cause}`, details: {} } });
    }
  }

  #start(): Worker {
    const worker = new Worker(threadScript("picture-worker", import.meta.url));
    worker.on("message", (answer: Answer) => this.#settle(worker, answer));
    worker.on("error", (error) => this.#lose(worker, error));
    return worker;
  }

  #settle(worker: Worker, { prepared, failure }: Answer): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    worker.unref(); // an idle thread does not keep the process alive
    this.#idle.push(worker);
    if (prepared) job?.resolve(prepared);
    else if (failure) job?.reject(new OcellusError(failure.code, failure.message, { details: failure.details }));
    this.#startNext();
  }

  /** A thread that died takes only its own picture with it; the next picture starts another. */
  #lose(worker: Worker, cause: Error): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    job?.reject(new OcellusError("internal", `internal: a picture thread died: ${cause.message}`, { cause }));
    this.#startNext();
  }
}
