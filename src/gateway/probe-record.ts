/** What the active probes of one backend say: up after some that succeeded in a row, down after some that failed. */

export interface ProbeThresholds {
  readonly failures: number;
  readonly successes: number;
}

export const defaultProbes: ProbeThresholds = { failures: 2, successes: 2 };

export class ProbeRecord {
  thresholds: ProbeThresholds;
  #state: "unknown" | "up" | "down" = "unknown";
  /** Probes in a row that contradict the state. */
  #against = 0;
  /** Why the last one failed. */
  #problem: string | undefined;

  constructor(thresholds: ProbeThresholds) {
    this.thresholds = thresholds;
  }

  /** The first probe decides alone: a gateway that starts has nothing else to go by. */
  get state(): "unknown" | "up" | "down" {
    return this.#state;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** @param problem absent: it answered as it should */
  note(problem?: string): void {
    this.#problem = problem;
    const found = problem === undefined ? "up" : "down";
    const { failures, successes } = this.thresholds;
    this.#against = found === this.#state ? 0 : this.#against + 1;
    if (this.#state !== "unknown" && this.#against < (found === "up" ? successes : failures)) return;
    this.#state = found;
    this.#against = 0;
  }
}
