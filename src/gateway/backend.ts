/**
 * One backend of a model: the engine as it was opened, what runs there, and its health. An engine that cannot be opened yet is
 * opened by a later probe.
 */
import type { OcellusError } from "../core/base/index.js";
import { BackendHealth, type HealthOptions, type HealthState } from "./backend-health.js";
import type { BackendConfig, Timeouts } from "./backends-file.js";
import type { Outcome } from "./circuit.js";
import type { OpenEngine, OpenedEngine, RoutedRequest } from "./engine.js";
import { type Candidate, type Hash, hashOf } from "./routing.js";

/** All that makes a backend what it is. */
export interface BackendOptions {
  readonly config: BackendConfig;
  readonly timeouts: Timeouts;
  readonly health: HealthOptions;
}

/** How a request went, for those who count. */
export interface Report {
  readonly outcome: Outcome;
  readonly firstTokenMs?: number | undefined;
  readonly error?: OcellusError;
}

export interface BackendState {
  readonly name: string;
  readonly url: string;
  readonly state: HealthState | "leaving";
  readonly reason: string | undefined;
  readonly running: number;
  readonly weight: number;
  readonly maxConcurrent: number;
}

/** An engine that is full and does not say for how long. */
const busyMs = 1000;
/** Whatever it says: by then it is asked again. */
const maxBusyMs = 30_000;

export class Backend<Q extends RoutedRequest, E, A> implements Candidate {
  #config: BackendConfig;
  /** Equal for backends that need not be replaced by each other: the weight and what health is judged by can be set. */
  readonly id: string;
  readonly hash: Hash;
  readonly health: BackendHealth;
  readonly #open: (signal: AbortSignal) => Promise<OpenedEngine<Q, E, A>>;
  #opened: OpenedEngine<Q, E, A> | undefined;
  #probing: Promise<void> | undefined;
  #running = 0;
  readonly #otherLoad: () => number;
  readonly #idle: Promise<void>;
  #onIdle!: () => void;
  #draining: NodeJS.Timeout | undefined;
  #left: Promise<void> | undefined;
  readonly #closing = new AbortController();

  /** @param otherLoad requests that the same engine still answers for backends that this one has replaced */
  constructor(options: BackendOptions, open: OpenEngine<Q, E, A>, now: () => number, otherLoad = () => 0) {
    const { config, timeouts, health } = options;
    const { weight: _, ...opened } = config;
    this.#config = config;
    this.id = JSON.stringify([opened, timeouts]);
    this.#otherLoad = otherLoad;
    this.#idle = new Promise((resolve) => {
      this.#onIdle = resolve;
    });
    this.hash = hashOf(config.name);
    this.health = new BackendHealth(health, now);
    this.#open = (signal) => open(config, timeouts, signal);
  }

  get config(): BackendConfig {
    return this.#config;
  }

  /** Of a backend with the same id. */
  configure({ config, health }: BackendOptions): void {
    this.#config = config;
    this.health.configure(health);
  }

  get weight(): number {
    return this.config.weight;
  }

  get load(): number {
    return this.#running + this.#otherLoad();
  }

  /** Those that it was sent itself. */
  get numRunning(): number {
    return this.#running;
  }

  get capacity(): number {
    return this.config.maxConcurrent;
  }

  /** Undefined until the engine was reached once. */
  get engine(): OpenedEngine<Q, E, A> | undefined {
    return this.#opened;
  }

  get isUsable(): boolean {
    return this.#opened !== undefined && !this.#closing.signal.aborted && this.health.isUsable;
  }

  get state(): BackendState {
    const { name, url, weight, maxConcurrent } = this.config;
    const { state, reason } = this.health;
    return {
      ...{ name, url, weight, maxConcurrent, running: this.#running },
      state: this.#closing.signal.aborted ? "leaving" : state,
      reason: state === "up" ? undefined : reason,
    };
  }

  /** Never rejects: what is wrong is in its health. One at a time. */
  probe(timeoutMs: number): Promise<void> {
    this.#probing ??= this.#probe(AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])).finally(
      () => (this.#probing = undefined),
    );
    return this.#probing;
  }

  async #probe(signal: AbortSignal): Promise<void> {
    try {
      this.#opened ??= await this.#open(signal);
      await this.#opened.probe(signal);
      this.health.noteProbe();
    } catch (error) {
      const isLate = signal.aborted && !this.#closing.signal.aborted;
      this.health.noteProbe(isLate ? "the probe was not answered in time" : messageOf(error));
    }
  }

  /** A request is sent: to be called once, at its end, with how it went. */
  begin(): (report: Report) => void {
    const report = this.health.begin();
    this.#running++;
    return ({ outcome, error }) => {
      this.#running--;
      if (error?.code === "overloaded") this.health.noteBusy(busyTime(error));
      report(outcome, outcome === "failure" ? error?.message : undefined);
      if (this.#running === 0 && this.#left) this.#onIdle();
    };
  }

  /** Takes no more requests; closed when those that run have ended, or after that time, of which the last call's counts. */
  leave(drainMs: number): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#draining);
    if (this.#running > 0) this.#draining = setTimeout(this.#onIdle, drainMs);
    else this.#onIdle();
    this.#left ??= this.#close();
    return this.#left;
  }

  async #close(): Promise<void> {
    await this.#idle;
    clearTimeout(this.#draining);
    await this.#probing;
    await this.#opened?.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** By its own word, within reason: milliseconds, or the seconds of a header. */
function busyTime({ details: { retryAfterMs, retryAfter } }: OcellusError): number {
  const ms = Number(retryAfterMs ?? 1000 * Number(retryAfter));
  return ms > 0 ? Math.min(maxBusyMs, ms) : busyMs;
}
