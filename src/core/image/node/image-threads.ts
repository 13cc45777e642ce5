/**
 * Threads that decode and fit pictures, so that a large photo (a third of a second for twelve megapixels) does not hold up
 * answers that are being written. Each takes one picture at a time: their number also bounds the memory for decoding. Owners
 * take turns (queue-owner.ts), and a picture that takes too long costs its thread: that is ended, and another takes its place.
 */
import { OcellusError, Semaphore, throwIfAborted, untilAborted } from "../../base/index.js";
import { TypedWorker, type WorkerOptions } from "../../worker/index.js";
import type {
  DecodedImage,
  DecodeOptions,
  GivenImage,
  ImageFile,
  ImageLimits,
  PreparedImage,
} from "../loaded/index.js";
import type { ImageProcessor } from "../spec/index.js";
import type { ImageMethods } from "./image-worker.js";
import { currentQueueOwner } from "./queue-owner.js";

export interface ImageThreadsOptions {
  readonly count: number;
  /** Default of `maxMs`: 20 s, an AVIF of a hundred megapixels on a slow core. */
  readonly limits?: ImageLimits;
  /** What the threads run; tests have scripts of their own. */
  readonly script?: WorkerOptions["script"];
}

const defaultMaxMs = 20_000;

type Options = Pick<DecodeOptions, "signal">;

type Thread = TypedWorker<ImageMethods>;

export class ImageThreads {
  readonly #options: ImageThreadsOptions;
  readonly #limits: ImageLimits & { readonly maxMs: number };
  readonly #semaphore: Semaphore;
  readonly #threads = new Set<Thread>();
  readonly #idle: Thread[] = [];
  #isClosed = false;

  /** Threads start when they are first needed. */
  constructor(options: ImageThreadsOptions) {
    this.#options = options;
    this.#limits = { maxMs: defaultMaxMs, ...options.limits };
    this.#semaphore = new Semaphore(options.count);
  }

  /** As `prepareImage`, whose errors it throws; `invalid_image` when it takes too long. A signal ends the waiting at once. */
  prepare(
    input: GivenImage | ImageFile | DecodedImage,
    imageProcessor: ImageProcessor,
    options: Options = {},
  ): Promise<PreparedImage> {
    return this.#run((thread) => thread.call("prepare", [input, imageProcessor, this.#limits]), options);
  }

  /** As `decodeAndDigest`, and otherwise as `prepare`. */
  decode(input: GivenImage | ImageFile, options: Options = {}): Promise<DecodedImage> {
    return this.#run((thread) => thread.call("decode", [input, this.#limits]), options);
  }

  /** Ends the threads; pictures that are not done fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  /** A caller who leaves while a thread is at its picture does not make the thread idle. */
  async #run<T>(work: (thread: Thread) => Promise<T>, { signal }: Options): Promise<T> {
    throwIfAborted(signal);
    const done = this.#semaphore.run(() => this.#onThread(work), signal, 1, currentQueueOwner());
    return untilAborted(done, signal);
  }

  async #onThread<T>(work: (thread: Thread) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new OcellusError("closed", "the image threads are closed");
    const thread = this.#idle.pop() ?? this.#open();
    try {
      return await work(thread);
    } finally {
      this.#idle.push(thread);
    }
  }

  #open(): Thread {
    const thread: Thread = new TypedWorker({
      script: this.#options.script ?? ["image-worker", import.meta.url],
      name: "an image thread",
      maxCallMs: this.#limits.maxMs,
      limitError: () => tooSlow(this.#limits),
    });
    this.#threads.add(thread);
    return thread;
  }
}

function tooSlow({ maxMs }: { readonly maxMs: number }): OcellusError {
  return new OcellusError(
    "invalid_image",
    `the image was not decoded within ${maxMs / 1000} s; send a smaller one, or save it as PNG or JPEG`,
    { details: { maxMs } },
  );
}
