/**
 * Requests that wait for a place at a backend, first come first served: bounded in number and in time. Each is asked again
 * whenever something has changed: a request has ended, or a backend has come or gone.
 */
import { aborted, OcellusError, throwIfAborted } from "../core/base/index.js";

export interface PlaceLimits {
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
}

interface Waiter {
  /** It cannot take every place: those behind it may be served before it. */
  readonly isPicky: boolean;
  /** @returns whether it waits no longer */
  readonly retry: () => boolean;
}

export class PlaceQueue {
  #limits: PlaceLimits;
  readonly #waiting = new Set<Waiter>();

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  set limits(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /**
   * What `take` gives, as soon as it gives something.
   * @param isPicky whether it cannot take every place
   * @throws what `take` throws, `overloaded` with `details.retryAfterMs`, `aborted`
   */
  async wait<T>(take: () => T | undefined, signal: AbortSignal | undefined, isPicky = false): Promise<T> {
    throwIfAborted(signal);
    const free = this.#waiting.size === 0 ? take() : undefined;
    return free ?? this.#wait(take, signal, isPicky);
  }

  /** Something has changed. The first that could take any place and gets none: there is none. */
  advance(): void {
    for (const waiter of this.#waiting) if (!waiter.retry() && !waiter.isPicky) return;
  }

  #wait<T>(take: () => T | undefined, signal: AbortSignal | undefined, isPicky: boolean): Promise<T> {
    const { maxWaiting, maxWaitMs } = this.#limits;
    if (this.#waiting.size >= maxWaiting) throw full(`${maxWaiting} requests wait for a backend already`);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiter);
        settle();
        return true;
      };
      const waiter: Waiter = {
        isPicky,
        retry: () => {
          try {
            const taken = take();
            return taken !== undefined && end(() => resolve(taken));
          } catch (error) {
            return end(() => reject(error));
          }
        },
      };
      const onAbort = () => {
        end(() => reject(aborted(signal)));
        this.advance();
      };
      const timer = setTimeout(() => {
        end(() => reject(full(`no backend had a place within ${maxWaitMs / 1000} s`)));
        this.advance();
      }, maxWaitMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiter);
      this.advance(); // those before it may all be picky
    });
  }
}

/** Places come free all the time: a client that waits a second meets another queue. */
const retryAfterMs = 1000;

function full(problem: string): OcellusError {
  return new OcellusError("overloaded", `${problem}; try again later`, { details: { retryAfterMs } });
}
