/**
 * The engine's turn at what readers of new requests take one after another while answers are written: prompts here, images in
 * the vision encoder. It is asked for without waiting, since decode steps run meanwhile.
 */
import type { Semaphore } from "../base/index.js";

export class Turn {
  readonly #semaphore: Semaphore;
  #waiting: AbortController | undefined;
  #release: (() => void) | undefined;

  constructor(semaphore: Semaphore) {
    this.#semaphore = semaphore;
  }

  /** Whether it has come; if not, it is waited for from now on. */
  take(): boolean {
    if (this.#release) return true;
    if (this.#waiting) return false;
    this.#release = this.#semaphore.tryAcquire();
    if (!this.#release) this.#wait();
    return this.#release !== undefined;
  }

  /** Also a turn that is only waited for. */
  giveBack(): void {
    this.#waiting?.abort();
    this.#release?.();
    this.#waiting = this.#release = undefined;
  }

  #wait(): void {
    const waiting = new AbortController();
    this.#waiting = waiting;
    const taken = (release: () => void) => {
      if (this.#waiting !== waiting) return release(); // given back in the moment that it came
      this.#waiting = undefined;
      this.#release = release;
    };
    this.#semaphore.acquire(waiting.signal).then(taken, () => {});
  }
}
