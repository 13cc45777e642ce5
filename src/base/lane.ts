/** Work that takes its turn: so many at once, the others in the order of arrival; whoever gives up leaves the line. */
import { OcellusError, throwIfAborted } from "./error.js";

export class Lane {
  readonly #width: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  /** @throws `aborted` when the signal fires before the work has begun. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal);
    if (this.#running >= this.#width) await this.#turn(signal);
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next)
        next(); // the place goes from hand to hand
      else this.#running--;
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    let leave = () => {};
    const turn = new Promise<void>((resolve, reject) => {
      this.#waiting.push(resolve);
      leave = () => {
        const at = this.#waiting.indexOf(resolve);
        if (at < 0) return; // its turn has come; the work will see the signal
        this.#waiting.splice(at, 1);
        reject(new OcellusError("aborted", "the caller aborted the request", { cause: signal?.reason }));
      };
      signal?.addEventListener("abort", leave, { once: true });
    });
    return turn.finally(() => signal?.removeEventListener("abort", leave));
  }
}
