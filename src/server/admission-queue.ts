/**
 * Who may have the model next. So many answers run at once; the others wait, and whenever a place is free it goes to the
 * key that has the fewest running, so that no one's burst keeps the others waiting. The queue is bounded: when it is full,
 * the newest of whoever waits most is refused.
 */
import { aborted, invariant, OcellusError, throwIfAborted } from "../core/base/index.js";

export interface AdmissionQueueOptions {
  /** Asked for each time: backends come and go. */
  readonly maxRunning: () => number;
  readonly maxQueue: number;
  /** What an answer takes, until the first has ended. Default a second. */
  readonly answerMs?: number;
}

export interface Visitor {
  /** Whose turn it is counted as. */
  readonly owner: string;
  readonly signal: AbortSignal;
  /** Of this owner at once. */
  readonly maxConcurrent?: number | undefined;
}

export interface Permit {
  readonly queueMs: number;
  /** Gives the place to the next one. */
  release(): void;
}

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
}

interface Owner {
  /** Answers of this key at once; those beyond wait. */
  readonly maxRunning: number;
  running: number;
  /** When it last got a place, in admissions: of equals the one that waits longest is next. */
  lastAdmitted: number;
  readonly waiting: Waiter[];
}

export class AdmissionQueue {
  readonly #options: AdmissionQueueOptions;
  readonly #owners = new Map<string, Owner>();
  #running = 0;
  #waiting = 0;
  #admissions = 0;
  /** Seconds an answer takes, smoothed: what Retry-After is guessed from. */
  #answerMs: number;

  constructor(options: AdmissionQueueOptions) {
    this.#options = options;
    this.#answerMs = options.answerMs ?? 1000;
  }

  get stats(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting };
  }

  /**
   * Waits for a place.
   * @throws `overloaded` with `details.retryAfterMs` when the queue is full, `aborted`.
   */
  async enter({ owner: name, signal, maxConcurrent }: Visitor): Promise<Permit> {
    throwIfAborted(signal);
    const started = performance.now();
    const owner = this.#owner(name, maxConcurrent ?? Number.POSITIVE_INFINITY);
    if (this.#running < this.#options.maxRunning() && owner.running < owner.maxRunning) this.#admit(owner);
    else await this.#wait(owner, signal).finally(() => this.#forgetIdle(name, owner));
    return this.#permit(name, owner, started);
  }

  /** A place that nothing waits for, if there is one: for work that is rather not done than in the way. */
  enterIfFree(name: string): Permit | undefined {
    if (this.#waiting > 0 || this.#running >= this.#options.maxRunning()) return undefined;
    const owner = this.#owner(name, Number.POSITIVE_INFINITY);
    this.#admit(owner);
    return this.#permit(name, owner, performance.now());
  }

  #owner(name: string, maxRunning: number): Owner {
    const known = this.#owners.get(name);
    if (known) return known;
    const owner: Owner = { maxRunning, running: 0, lastAdmitted: 0, waiting: [] };
    this.#owners.set(name, owner);
    return owner;
  }

  /** Keys that no one uses now take no memory. */
  #forgetIdle(name: string, owner: Owner): void {
    if (owner.running === 0 && owner.waiting.length === 0) this.#owners.delete(name);
  }

  #admit(owner: Owner): void {
    owner.running++;
    owner.lastAdmitted = ++this.#admissions;
    this.#running++;
  }

  #wait(owner: Owner, signal: AbortSignal): Promise<void> {
    this.#makeRoom(owner);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        owner.waiting.splice(owner.waiting.indexOf(waiter), 1);
        this.#waiting--;
        reject(aborted(signal));
      };
      const settle = (end: () => void) => () => {
        signal.removeEventListener("abort", onAbort);
        this.#waiting--;
        end();
      };
      const waiter: Waiter = { admit: settle(resolve), refuse: (error) => settle(() => reject(error))() };
      owner.waiting.push(waiter);
      this.#waiting++;
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A place in the queue for one more of `owner`. @throws `overloaded` when it is among those who wait most. */
  #makeRoom(owner: Owner): void {
    const { maxQueue } = this.#options;
    if (this.#waiting < maxQueue) return;
    const retryAfterMs = Math.ceil(((this.#waiting + 1) * this.#answerMs) / this.#options.maxRunning());
    const full = new OcellusError("overloaded", `${maxQueue} requests are waiting already; try again later`, {
      details: { maxQueue, retryAfterMs },
    });
    const longest = [...this.#owners.values()].reduce((a, b) => (b.waiting.length > a.waiting.length ? b : a));
    if (longest.waiting.length <= owner.waiting.length + 1) throw full;
    longest.waiting.pop()!.refuse(full);
  }

  #permit(name: string, owner: Owner, started: number): Permit {
    const admitted = performance.now();
    let isHeld = true;
    return {
      queueMs: admitted - started,
      release: () => {
        invariant(isHeld, "a ticket is given back once");
        isHeld = false;
        this.#answerMs = 0.9 * this.#answerMs + 0.1 * (performance.now() - admitted);
        this.#running--;
        owner.running--;
        this.#admitNext();
        this.#forgetIdle(name, owner);
      },
    };
  }

  /** More than one where there are more places than before. */
  #admitNext(): void {
    while (this.#waiting > 0 && this.#running < this.#options.maxRunning()) {
      const next = [...this.#owners.values()]
        .filter((owner) => owner.waiting.length > 0 && owner.running < owner.maxRunning)
        .sort((a, b) => a.running - b.running || a.lastAdmitted - b.lastAdmitted)[0];
      if (!next) return;
      this.#admit(next); // now, not when the waiter's promise is heard: no one may slip in between
      next.waiting.shift()!.admit();
    }
  }
}
