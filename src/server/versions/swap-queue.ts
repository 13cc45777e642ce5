/**
 * Requests for versions that are being swapped out wait here until the swap is over, and are then assigned again: a queue as in front
 * of a model, as long and as fair, whose only place the swap itself has.
 */
import { AdmissionQueue, type Permit, type Visitor } from "../admission-queue.js";

/** What Retry-After is guessed from: a swap takes seconds, whoever else waits. */
const msEach = 20;

export class SwapQueue {
  readonly tags: ReadonlySet<string>;
  readonly #gate: AdmissionQueue;
  readonly #permit: Promise<Permit>;

  constructor(tags: readonly string[], maxQueue: number) {
    this.tags = new Set(tags);
    this.#gate = new AdmissionQueue({ maxRunning: () => 1, maxQueue, answerMs: msEach });
    this.#permit = this.#gate.enter({ owner: "swap", signal: new AbortController().signal });
  }

  get numWaiting(): number {
    return this.#gate.stats.waiting;
  }

  /** @throws `overloaded` when the queue is full, `aborted` */
  async wait({ owner, signal }: Visitor): Promise<void> {
    (await this.#gate.enter({ owner, signal })).release();
  }

  async release(): Promise<void> {
    (await this.#permit).release();
  }
}
