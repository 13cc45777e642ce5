/**
 * How often what was lost may be opened again. What it was lost by may come again, with every retry of a client, and each opening
 * costs a model's loading.
 */
export const mostReopenings = 3;
export const reopeningMinutes = 10;

export class Reopenings {
  readonly #now: () => number;
  #times: number[] = [];

  /** @param now in milliseconds; tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts one more, unless there were too many of late. */
  take(): boolean {
    const now = this.#now();
    this.#times = this.#times.filter((time) => time > now - reopeningMinutes * 60_000);
    return this.#times.length < mostReopenings && this.#times.push(now) > 0;
  }
}
