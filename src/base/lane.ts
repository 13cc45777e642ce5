/** Work that takes its turn: so much at once, the rest in the order of arrival; whoever gives up leaves the line. */
import { aborted, invariant, throwIfAborted } from "./error.js";

interface Waiter {
  readonly weight: number;
  readonly admit: () => void;
}

export class Lane {
  readonly #width: number;
  #taken = 0;
  readonly #waiting: Waiter[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  /** Of the width, what running work has taken. */
  get taken(): number {
    return this.#taken;
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** Whether work of that weight would begin at once. */
  hasRoom(weight = 1): boolean {
    return this.#waiting.length === 0 && this.#taken + weight <= this.#width;
  }

  /**
   * @param weight what the work takes of the width. Nothing light slips past something heavy, which would wait for ever.
   * @throws `aborted` when the signal fires before the work has begun.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal, weight = 1): Promise<T> {
    invariant(weight <= this.#width, "work fits its lane");
    throwIfAborted(signal);
    if (this.hasRoom(weight)) this.#taken += weight;
    else await this.#turn(weight, signal);
    try {
      return await work();
    } finally {
      this.#taken -= weight;
      this.#admitNext();
    }
  }

  /** Places go from hand to hand: nobody slips in between. */
  #admitNext(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.weight <= this.#width; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.weight;
      next.admit();
    }
  }

  #turn(weight: number, signal: AbortSignal | undefined): Promise<void> {
    let leave = () => {};
    const turn = new Promise<void>((admit, reject) => {
      const waiter = { weight, admit };
      this.#waiting.push(waiter);
      leave = () => {
        const at = this.#waiting.indexOf(waiter);
        if (at < 0) return; // its turn has come; the work will see the signal
        this.#waiting.splice(at, 1);
        reject(aborted(signal));
        this.#admitNext(); // it may have been too heavy for what is free, and those behind it are not
      };
      signal?.addEventListener("abort", leave, { once: true });
    });
    return turn.finally(() => signal?.removeEventListener("abort", leave));
  }
}
