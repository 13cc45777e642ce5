/**
 * Threads that decode and fit pictures, so that a large photo (a third of a second for twelve megapixels) does not hold up
 * answers that are being written. Each takes one picture at a time: their number also bounds the memory for decoding. Owners
 * take turns (turn.ts), and a picture that takes too long costs its thread: that is ended, and another takes its place.
 */
import { Worker } from "node:worker_threads";
import {
  aborted,
  type ErrorCode,
  FairQueue,
  OcellusError,
  type Turn,
  threadScript,
  throwIfAborted,
} from "../../base/index.js";
import type { ImageRecipe } from "../spec/index.js";
import type { DecodedImage, DecodeOptions } from "./decode.js";
import type { PreparedImage } from "./prepare.js";
import type { GivenImage, ImageFile } from "./read-input.js";
import { currentTurn } from "./turn.js";

export interface Task {
  readonly input: GivenImage | ImageFile | DecodedImage;
  /** Absent: the picture is wanted as it is decoded. */
  readonly recipe?: ImageRecipe;
  readonly limits: ImageLimits;
}

export interface Answer {
  readonly done?: PreparedImage | DecodedImage;
  readonly failure?: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> };
}

export type ImageLimits = Pick<DecodeOptions, "maxBytes" | "maxPixels" | "maxMs">;

export interface ImageThreadsOptions {
  readonly count: number;
  /** Default of `maxMs`: 20 s, an AVIF of a hundred megapixels on a slow core. */
  readonly limits?: ImageLimits;
  /** What the threads run; tests have scripts of their own. */
  readonly script?: URL;
}

const defaultMaxMs = 20_000;
/** For a new thread to load what it needs, on a machine that is busy. */
const startMs = 10_000;

interface Job {
  readonly task: Task;
  readonly turn: Turn | undefined;
  readonly resolve: (done: PreparedImage | DecodedImage) => void;
  readonly reject: (error: unknown) => void;
}

interface Busy {
  readonly job: Job;
  readonly timer: NodeJS.Timeout;
}

type Options = Pick<DecodeOptions, "signal">;

export class ImageThreads {
  readonly #options: ImageThreadsOptions;
  readonly #limits: ImageLimits & { readonly maxMs: number };
  readonly #waiting = new FairQueue<Job>();
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Busy>();
  #isClosed = false;

  /** Threads start when they are first needed. */
  constructor(options: ImageThreadsOptions) {
    this.#options = options;
    this.#limits = { maxMs: defaultMaxMs, ...options.limits };
  }

  /** As `prepareImage`, whose errors it throws; `invalid_image` when it takes too long. A signal ends the waiting at once. */
  prepare(
    input: GivenImage | ImageFile | DecodedImage,
    recipe: ImageRecipe,
    options: Options = {},
  ): Promise<PreparedImage> {
    return this.#run({ input, recipe, limits: this.#limits }, options) as Promise<PreparedImage>;
  }

  /** As `decodePicture`, and otherwise as `prepare`. */
  decode(input: GivenImage | ImageFile, options: Options = {}): Promise<DecodedImage> {
    return this.#run({ input, limits: this.#limits }, options) as Promise<DecodedImage>;
  }

  /** Ends the threads; pictures that are not done fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const workers = [...this.#idle.splice(0), ...this.#busy.keys()];
    const jobs = [...this.#waiting.clear(), ...[...this.#busy.values()].map(({ job }) => job)];
    for (const { timer } of this.#busy.values()) clearTimeout(timer);
    this.#busy.clear();
    for (const job of jobs) job.reject(new OcellusError("closed", "the image threads were closed"));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  async #run(task: Task, { signal }: Options): Promise<PreparedImage | DecodedImage> {
    throwIfAborted(signal);
    if (this.#isClosed) throw new OcellusError("closed", "the image threads are closed");
    const turn = currentTurn();
    let onAbort = () => {};
    const done = new Promise<PreparedImage | DecodedImage>((resolve, reject) => {
      const job: Job = { task, turn, resolve, reject };
      onAbort = () => {
        this.#waiting.remove(job, turn);
        reject(aborted(signal));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(job, turn);
      this.#startNext();
    });
    return done.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  #startNext(): void {
    if (this.#isClosed || this.#waiting.size === 0) return;
    const idle = this.#idle.pop();
    const worker = idle ?? (this.#busy.size < this.#options.count ? this.#start() : undefined);
    if (!worker) return;
    const job = this.#waiting.shift()!;
    const timer = setTimeout(() => this.#end(worker, tooSlow(this.#limits)), this.#limits.maxMs + (idle ? 0 : startMs));
    this.#busy.set(worker, { job, timer });
    worker.ref();
    try {
      worker.postMessage(job.task);
    } catch (cause) {
      // Something that cannot be sent to a thread: no picture of ours.
      this.#settle(worker, { failure: { code: "invalid_request", message: `a picture: ${cause}`, details: {} } });
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#options.script ?? threadScript("image-worker", import.meta.url));
    worker.on("message", (answer: Answer) => this.#settle(worker, answer));
    worker.on("error", (cause) => this.#end(worker, died(cause)));
    worker.on("exit", () => this.#end(worker, died(new Error("it ended"))));
    return worker;
  }

  /** @returns the job that the thread had, which it now has no more. */
  #take(worker: Worker): Job | undefined {
    const busy = this.#busy.get(worker);
    clearTimeout(busy?.timer);
    this.#busy.delete(worker);
    return busy?.job;
  }

  #settle(worker: Worker, { done, failure }: Answer): void {
    const job = this.#take(worker);
    if (!job) return; // an answer that came too late
    worker.unref(); // an idle thread does not keep the process alive
    this.#idle.push(worker);
    if (done) job.resolve(done);
    else if (failure) job.reject(new OcellusError(failure.code, failure.message, { details: failure.details }));
    this.#startNext();
  }

  /** The thread is gone, or is given up, and takes only its own picture with it: the next picture starts another. */
  #end(worker: Worker, reason: OcellusError): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#take(worker)?.reject(reason);
    void worker.terminate(); // waits for what native code has in hand, which has a limit of its own; nobody waits for it here
    this.#startNext();
  }
}

function tooSlow({ maxMs }: { readonly maxMs: number }): OcellusError {
  return new OcellusError(
    "invalid_image",
    `the picture was not decoded within ${maxMs / 1000} s; send a smaller one, or save it as PNG or JPEG`,
    { details: { maxMs } },
  );
}

function died(cause: Error): OcellusError {
  return new OcellusError("internal", `internal: a picture thread died: ${cause.message}`, { cause });
}
