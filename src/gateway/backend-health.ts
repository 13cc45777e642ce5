/**
 * Whether a backend may be sent requests, from all that is known of it: its probes, its circuit breaker, how it does beside the
 * others, and its own word that it is full.
 */
import { Circuit, type CircuitOptions, defaultCircuit, type Outcome } from "./circuit.js";
import { defaultOutliers, isOutlier, type OutlierOptions, type Sample } from "./outliers.js";
import { defaultProbes, ProbeRecord, type ProbeThresholds } from "./probe-record.js";

export interface HealthOptions {
  readonly probes: ProbeThresholds;
  readonly circuit: CircuitOptions;
  readonly outliers: OutlierOptions;
}

export const defaultHealth: HealthOptions = {
  probes: defaultProbes,
  circuit: defaultCircuit,
  outliers: defaultOutliers,
};

/** starting: not probed yet; open: failed too often; trial: one request at a time; busy: it said that it is full. */
export type HealthState = "starting" | "up" | "down" | "open" | "trial" | "ejected" | "busy";

export class BackendHealth {
  readonly probes: ProbeRecord;
  readonly circuit: Circuit;
  #outliers: OutlierOptions;
  readonly #now: () => number;
  #ejectedUntil = Number.NEGATIVE_INFINITY;
  #ejections = 0;
  #busyUntil = Number.NEGATIVE_INFINITY;
  #reason: string | undefined;
  #requests = 0;
  #failures = 0;

  constructor({ probes, circuit, outliers }: HealthOptions, now: () => number) {
    this.probes = new ProbeRecord(probes);
    this.circuit = new Circuit(circuit, now);
    this.#outliers = outliers;
    this.#now = now;
  }

  /** Other thresholds from now on; what was counted stays. */
  configure({ probes, circuit, outliers }: HealthOptions): void {
    this.probes.thresholds = probes;
    this.circuit.options = circuit;
    this.#outliers = outliers;
  }

  get state(): HealthState {
    if (this.probes.state !== "up") return this.probes.state === "down" ? "down" : "starting";
    if (this.circuit.state === "open") return "open";
    if (this.isEjected) return "ejected";
    if (this.#now() < this.#busyUntil) return "busy";
    return this.circuit.state === "half-open" ? "trial" : "up";
  }

  get isUsable(): boolean {
    const { state } = this;
    return state === "up" || (state === "trial" && this.circuit.admits);
  }

  get isEjected(): boolean {
    return this.#now() < this.#ejectedUntil;
  }

  /** What was wrong last, in words. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Until it may be asked again, as far as that is known; 0 where only a probe can tell. */
  get waitMs(): number {
    return Math.max(0, this.circuit.waitMs, this.#ejectedUntil - this.#now(), this.#busyUntil - this.#now());
  }

  /** @param problem absent: the probe was answered as it should be */
  noteProbe(problem?: string): void {
    this.probes.note(problem);
    if (problem !== undefined) this.#reason = problem;
  }

  /** It refused a request because it is full: that is no failure, and it is left alone until then. */
  noteBusy(retryAfterMs: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.#now() + retryAfterMs);
  }

  /** A request is sent. @returns to be called once, with how it went and, in words, what was wrong */
  begin(): (outcome: Outcome, problem?: string) => void {
    const report = this.circuit.begin();
    return (outcome, problem) => {
      report(outcome);
      if (problem !== undefined) this.#reason = problem;
      this.#requests += Number(outcome !== "neutral");
      this.#failures += Number(outcome === "failure");
    };
  }

  /** What happened since the last time. */
  takeSample(): Sample {
    const sample = { requests: this.#requests, failures: this.#failures };
    [this.#requests, this.#failures] = [0, 0];
    return sample;
  }

  /** Fails more often than the others. */
  eject(): void {
    const { ejectMs, maxEjectMs } = this.#outliers;
    this.#ejectedUntil = this.#now() + Math.min(maxEjectMs, ejectMs * ++this.#ejections);
    this.#reason = "fails more often than the others";
  }

  /** It did as well as the others: earlier ejections count less. */
  settle(): void {
    this.#ejections = Math.max(0, this.#ejections - 1);
  }
}

/** To be called every few seconds with all backends of a pool: ejects those that do worse than the others. */
export function ejectOutliers(pool: readonly BackendHealth[], options: OutlierOptions): void {
  const most = Math.floor(options.maxEjectedShare * pool.length);
  let numEjected = pool.filter(({ isEjected }) => isEjected).length;
  const judged = pool.map((health) => ({ health, sample: health.takeSample() }));
  const share = ({ sample: { failures, requests } }: (typeof judged)[number]) => failures / Math.max(1, requests);
  for (const { health, sample } of judged.toSorted((a, b) => share(b) - share(a))) {
    if (health.isEjected) continue;
    const others = judged.filter((other) => other.health !== health).map((other) => other.sample);
    if (!isOutlier(sample, others, options)) {
      if (sample.requests >= options.minRequests) health.settle();
    } else if (numEjected < most) {
      health.eject();
      numEjected++;
    }
  }
}
