/**
 * A circuit breaker (Nygard, "Release It!"): after some failures in a row a backend is left alone for a while, then tried with
 * one request at a time; each trial that fails doubles the while. Time comes from outside, so that tests and simulations have
 * their own.
 */

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Trials in a row that close it again. */
  readonly successes: number;
  /** How long it is open the first time; each further time twice as long. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export const defaultCircuit: CircuitOptions = { failures: 5, successes: 2, openMs: 1000, maxOpenMs: 60_000 };

/** "neutral" says nothing about the backend: the client left, or the request itself was wrong. */
export type Outcome = "success" | "failure" | "neutral";

export type CircuitState = "closed" | "open" | "half-open";

export class Circuit {
  options: CircuitOptions;
  readonly #now: () => number;
  #failures = 0;
  #successes = 0;
  /** Times that it was opened since it was last closed. */
  #openings = 0;
  #openUntil = 0;
  #isOnTrial = false;
  /** Counts changes of state: what began before one says nothing after it. */
  #epoch = 0;

  constructor(options: CircuitOptions, now: () => number) {
    this.options = options;
    this.#now = now;
  }

  get state(): CircuitState {
    if (this.#openings === 0) return "closed";
    return this.#now() < this.#openUntil ? "open" : "half-open";
  }

  /** Whether a request may be sent now. */
  get admits(): boolean {
    return this.#openings === 0 || (!this.#isOnTrial && this.#now() >= this.#openUntil);
  }

  /** Until it is tried again. */
  get waitMs(): number {
    return this.#openings === 0 ? 0 : Math.max(0, this.#openUntil - this.#now());
  }

  /** A request is sent. @returns to be called once, with how it went */
  begin(): (outcome: Outcome) => void {
    const epoch = this.#epoch;
    if (this.#openings > 0) this.#isOnTrial = true;
    return (outcome) => {
      if (epoch !== this.#epoch) return;
      this.#isOnTrial = false;
      if (outcome === "failure") this.#noteFailure();
      else if (outcome === "success") this.#noteSuccess();
    };
  }

  #noteFailure(): void {
    this.#successes = 0;
    this.#failures++;
    if (this.#openings === 0 && this.#failures < this.options.failures) return;
    const { openMs, maxOpenMs } = this.options;
    this.#openUntil = this.#now() + Math.min(maxOpenMs, openMs * 2 ** Math.min(this.#openings, 30));
    this.#openings++;
    this.#change();
  }

  #noteSuccess(): void {
    this.#failures = 0;
    if (this.#openings === 0 || ++this.#successes < this.options.successes) return;
    this.#openings = 0;
    this.#change();
  }

  #change(): void {
    this.#failures = 0;
    this.#successes = 0;
    this.#isOnTrial = false;
    this.#epoch++;
  }
}
