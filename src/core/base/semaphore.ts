/** Work that takes its turn (fair-queue.ts): so much at once, the rest waits; whoever gives up leaves the line. */
import { aborted, invariant, throwIfAborted } from "./error.js";
import { FairQueue, type QueueOwner } from "./fair-queue.js";

interface Waiter {
  readonly weight: number;
  readonly admit: () => void;
}

export class Semaphore {
  readonly #width: number;
  #taken = 0;
  readonly #waiting = new FairQueue<Waiter>();

  constructor(width: number) {
    this.#width = width;
  }

  /** Of the width, what running work has taken. */
  get taken(): number {
    return this.#taken;
  }

  get numWaiting(): number {
    return this.#waiting.size;
  }

  /** Whether work of that weight would begin at once. */
  hasCapacity(weight = 1): boolean {
    return this.#waiting.size === 0 && this.#taken + weight <= this.#width;
  }

  /**
   * @param weight what the work takes of the width. Nothing light slips past something heavy, which would wait forever.
   * @param queueOwner whose work it is; left out, the order is that of arrival.
   * @throws `aborted` when the signal fires before the work has begun.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal, weight = 1, queueOwner?: QueueOwner): Promise<T> {
    invariant(weight <= this.#width, "work fits the semaphore", { found: weight, limit: this.#width });
    throwIfAborted(signal);
    const release = this.tryAcquire(weight) ?? (await this.#wait(weight, signal, queueOwner));
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** A place at once, or undefined where work would have to wait; what is returned gives the place back; call it once. */
  tryAcquire(weight = 1): (() => void) | undefined {
    if (!this.hasCapacity(weight)) return undefined;
    this.#taken += weight;
    return this.#releaseOf(weight);
  }

  /** A place when its turn has come. @throws `aborted` when the signal fires before that. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    return this.tryAcquire() ?? this.#wait(1, signal, undefined);
  }

  #releaseOf(weight: number): () => void {
    return () => {
      this.#taken -= weight;
      this.#admitNext();
    };
  }

  /** Places go from hand to hand: no one slips in between. */
  #admitNext(): void {
    for (
      let next = this.#waiting.peek();
      next && this.#taken + next.weight <= this.#width;
      next = this.#waiting.peek()
    ) {
      this.#waiting.shift();
      this.#taken += next.weight;
      next.admit();
    }
  }

  #wait(weight: number, signal: AbortSignal | undefined, queueOwner: QueueOwner | undefined): Promise<() => void> {
    let leave = () => {};
    const admitted = new Promise<void>((admit, reject) => {
      const waiter = { weight, admit };
      this.#waiting.push(waiter, queueOwner);
      leave = () => {
        if (!this.#waiting.remove(waiter, queueOwner)) return; // its turn has come; the work will see the signal
        reject(aborted(signal));
        this.#admitNext(); // it may have been too heavy for what is free, and those behind it are not
      };
      signal?.addEventListener("abort", leave, { once: true });
    });
    return admitted.finally(() => signal?.removeEventListener("abort", leave)).then(() => this.#releaseOf(weight));
  }
}
