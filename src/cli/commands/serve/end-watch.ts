/**
 * Sees to it that a server ends when it must, whatever runs. A thread of its own looks at the process from outside its event
 * loop, which a blocked loop cannot: when the loop has not turned for too long, or the stopping takes longer than it may,
 * the process is killed, for whoever started it to start another. Signals are heard by the loop alone, so a blocked one is
 * ended for being blocked. No TypedWorker: nothing is called, and the two share memory.
 */
import { Worker } from "node:worker_threads";
import { threadScript } from "../../../core/worker/index.js";

/** Turns of the event loop, and the limits in milliseconds (0: none): the words of the memory that both threads share. */
export const words = { turns: 0, stallMs: 1, endMs: 2 } as const;
export const tickMs = 250;

export class EndWatch {
  readonly #state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * Object.keys(words).length));

  /** @param asJson whether its last words are a line of JSON, as the log's. */
  constructor(asJson: boolean) {
    const workerData = { state: this.#state, asJson };
    const worker = new Worker(threadScript("end-watch-worker", import.meta.url), { workerData });
    worker.unref();
    setInterval(() => Atomics.add(this.#state, words.turns, 1), tickMs).unref();
  }

  /** From now on the loop may not be blocked for longer. */
  limitStalls(ms: number): void {
    Atomics.store(this.#state, words.stallMs, ms);
  }

  /** The process is over by then. */
  endWithin(ms: number): void {
    Atomics.store(this.#state, words.endMs, ms);
  }
}
