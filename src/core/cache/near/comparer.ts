/**
 * Looking at pictures and comparing them, here or on a thread: a megapixel takes a third of a second, in which a server would write
 * no answers.
 */
import { Worker } from "node:worker_threads";
import { OcellusError, threadScript } from "../../base/index.js";
import { type Fingerprint, lookOf, type QueryImage } from "./fingerprint.js";
import { showsNothingElse } from "./same-picture.js";

export interface Comparer {
  look(picture: QueryImage): Promise<Fingerprint>;
  /** Whether the picture shows nothing that the kept one does not. */
  compare(picture: Fingerprint, kept: Fingerprint): Promise<boolean>;
  close(): Promise<void>;
}

export const comparesHere: Comparer = {
  look: async (picture) => lookOf(picture),
  compare: async (picture, kept) => showsNothingElse(picture, kept),
  close: async () => {},
};

export interface CompareTask {
  readonly id: number;
  readonly look?: QueryImage;
  readonly compare?: readonly [picture: Fingerprint, kept: Fingerprint];
}

export interface CompareAnswer {
  readonly id: number;
  readonly result?: Fingerprint | boolean;
  readonly failure?: string;
}

interface Waiting {
  resolve(result: Fingerprint | boolean): void;
  reject(error: unknown): void;
}

/** One thread, started when it is first needed; what is asked meanwhile waits in line. */
export class CompareThread implements Comparer {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;
  #isClosed = false;

  async look(picture: QueryImage): Promise<Fingerprint> {
    const { width, height, data, lumaSteps } = picture;
    return (await this.#ask({ look: { width, height, data, lumaSteps } })) as Fingerprint;
  }

  async compare(picture: Fingerprint, kept: Fingerprint): Promise<boolean> {
    return (await this.#ask({ compare: [picture, kept] })) as boolean;
  }

  /** What is being compared fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
    this.#fail(closed());
  }

  async #ask(task: Omit<CompareTask, "id">): Promise<Fingerprint | boolean> {
    if (this.#isClosed) throw closed();
    this.#worker ??= this.#start();
    const [worker, id] = [this.#worker, ++this.#lastId];
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...task, id });
    });
  }

  #start(): Worker {
    const worker = new Worker(threadScript("compare-worker", import.meta.url));
    worker.on("message", ({ id, result, failure }: CompareAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref(); // an idle thread does not keep the process alive
      if (result === undefined)
        waiting?.reject(
          new OcellusError("internal", `internal: comparing pictures: ${failure}`, { details: { reason: failure } }),
        );
      else waiting?.resolve(result);
    });
    worker.on("error", (cause) => {
      this.#worker = undefined; // the next picture starts another
      this.#fail(
        new OcellusError("internal", `internal: the thread that compares pictures died: ${cause.message}`, {
          details: { reason: cause.message },
          cause,
        }),
      );
    });
    return worker;
  }

  #fail(error: OcellusError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function closed(): OcellusError {
  return new OcellusError("closed", "the comparison of images is closed");
}
