/**
 * The backends of one model: which of them takes a request, who waits when all are full, and what is to be said when none can be
 * asked. Knows requests by their keys only.
 */
import { OcellusError } from "../core/base/index.js";
import { Backend, type BackendOptions, type BackendState } from "./backend.js";
import { type BackendHealth, ejectOutliers } from "./backend-health.js";
import type { BackendConfig, BackendsFile } from "./backends-file.js";
import type { OpenEngine, RoutedRequest } from "./engine.js";
import { PlaceQueue } from "./place-queue.js";
import { RetryBudget } from "./retry-budget.js";
import { type Candidate, type Hash, leastLoaded, route } from "./routing.js";

export type PoolSettings = Omit<BackendsFile, "models" | "$schema">;

/** Chooses one of those that can be asked and are not full. */
export type ChooseBackend = <T extends Candidate>(key: Hash, usable: readonly T[]) => T | undefined;

export interface PoolOptions<Q extends RoutedRequest, E, A> {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly open: OpenEngine<Q, E, A>;
  /** In place of what the settings say, to compare. */
  readonly choose?: ChooseBackend | undefined;
  readonly now?: () => number;
}

/** As long as a probe's interval: there is no better guess of when one is back. */
const leastRetryAfterMs = 1000;

export class Pool<Q extends RoutedRequest, E, A> {
  readonly name: string;
  readonly #options: PoolOptions<Q, E, A>;
  readonly #queue: PlaceQueue;
  #settings: PoolSettings;
  #backends: readonly Backend<Q, E, A>[] = [];
  readonly #leaving = new Map<Backend<Q, E, A>, Promise<unknown>>();
  budget: RetryBudget;

  constructor(options: PoolOptions<Q, E, A>) {
    this.#options = options;
    this.name = options.name;
    this.#settings = options.settings;
    this.#queue = new PlaceQueue(options.settings.queue);
    this.budget = new RetryBudget(options.settings.retries.share);
  }

  get settings(): PoolSettings {
    return this.#settings;
  }

  get backends(): readonly Backend<Q, E, A>[] {
    return this.#backends;
  }

  /** Includes those that have left the file and still answer. */
  get states(): readonly BackendState[] {
    return [...this.#backends, ...this.#leaving.keys()].map(({ state }) => state);
  }

  /** What the engines that were reached have said of themselves. */
  get abouts(): readonly A[] {
    return this.#backends.flatMap(({ engine }) => (engine ? [engine.about] : []));
  }

  get numWaiting(): number {
    return this.#queue.size;
  }

  /**
   * What the file says now. A backend that is the same stays, with all that is known of it; new ones are probed before they are
   * needed; those that are gone answer what they have.
   */
  async configure(configs: readonly BackendConfig[], settings: PoolSettings): Promise<void> {
    const known = new Map(this.#backends.map((backend) => [backend.id, backend]));
    const stated = configs.map((config) => optionsOf(config, settings));
    const fresh = stated.map((options) => this.#newBackend(options));
    const next = fresh.map((backend) => known.get(backend.id) ?? backend);
    const { timeoutMs } = settings.health;
    await Promise.all(next.filter(({ id }) => !known.has(id)).map((backend) => backend.probe(timeoutMs)));
    const gone = this.#backends.filter((backend) => !next.includes(backend));
    if (settings.retries.share !== this.#settings.retries.share) this.budget = new RetryBudget(settings.retries.share);
    this.#settings = settings;
    this.#queue.limits = settings.queue;
    this.#backends = next;
    for (const [i, backend] of next.entries()) backend.configure(stated[i]!);
    for (const backend of gone) this.#leave(backend, settings.drainMs);
    this.#queue.advance();
  }

  #newBackend(options: BackendOptions): Backend<Q, E, A> {
    const { open, now = () => performance.now() } = this.#options;
    return new Backend(options, open, now, () => this.#leavingLoad(options.config.url));
  }

  /** What an engine still answers for backends that have left. */
  #leavingLoad(url: string): number {
    let load = 0;
    for (const { config, numRunning } of this.#leaving.keys()) if (config.url === url) load += numRunning;
    return load;
  }

  #leave(backend: Backend<Q, E, A>, drainMs: number): void {
    this.#leaving.set(
      backend,
      backend.leave(drainMs).finally(() => this.#leaving.delete(backend)),
    );
  }

  /**
   * A backend with a place for a request, which has it from now on.
   * @param tried is not asked again
   * @returns undefined when there is none besides those that were tried
   * @throws `overloaded`, `unavailable` with `details.retryAfterMs`, `aborted`
   */
  place(
    key: Hash,
    tried: ReadonlySet<Backend<Q, E, A>>,
    signal: AbortSignal | undefined,
  ): Promise<Placed<Q, E, A> | undefined> {
    const take = (): Placed<Q, E, A> | "none" | undefined => {
      const usable = this.#usable(tried);
      if (usable.length === 0) {
        if (tried.size > 0) return "none";
        throw this.#nothingUsable();
      }
      return this.#take(key, usable);
    };
    return this.#queue.wait(take, signal, tried.size > 0).then((placed) => (placed === "none" ? undefined : placed));
  }

  #usable(tried?: ReadonlySet<Backend<Q, E, A>>): Backend<Q, E, A>[] {
    return this.#backends.filter((backend) => backend.isUsable && !tried?.has(backend));
  }

  /** One that has a place now, for work that is rather not done than waited for. */
  placeIfFree(key: Hash, tried: ReadonlySet<Backend<Q, E, A>>): Placed<Q, E, A> | undefined {
    return this.#take(key, this.#usable(tried));
  }

  #take(key: Hash, usable: readonly Backend<Q, E, A>[]): Placed<Q, E, A> | undefined {
    const backend = this.#choose(key, usable);
    if (!backend) return undefined;
    const end = backend.begin();
    return {
      backend,
      end: (report) => {
        end(report);
        this.#queue.advance();
      },
    };
  }

  #choose(key: Hash, usable: readonly Backend<Q, E, A>[]): Backend<Q, E, A> | undefined {
    const { routing } = this.#settings;
    if (this.#options.choose) return this.#options.choose(key, usable);
    return routing.by === "load" ? leastLoaded(key, usable) : route(key, usable, routing);
  }

  /** Probes all, and lets those who wait see what has become of it. */
  async probe(): Promise<void> {
    await Promise.all(this.#backends.map((backend) => backend.probe(this.#settings.health.timeoutMs)));
    this.#queue.advance();
  }

  ejectOutliers(): void {
    ejectOutliers(
      this.#backends.map(({ health }): BackendHealth => health),
      this.#settings.outliers,
    );
  }

  /** Takes no more requests; those that run have so long, also where they had longer until now. */
  async close(drainMs: number): Promise<void> {
    const all = [...this.#backends, ...this.#leaving.keys()];
    this.#backends = [];
    for (const backend of all) this.#leave(backend, drainMs);
    this.#queue.advance();
    await Promise.all(this.#leaving.values());
  }

  /** When another request may fare better. */
  get retryAfterMs(): number {
    const waits = this.#backends.map(({ health }) => health.waitMs).filter((ms) => ms > 0);
    return Math.max(leastRetryAfterMs, Math.min(...waits, this.#settings.health.intervalMs));
  }

  /** Full is one thing, gone another: a client that asks again soon is served in the first case only. */
  #nothingUsable(): OcellusError {
    const states = this.#backends.map(({ health }) => health.state);
    const isBusy = states.includes("busy");
    const problem = isBusy ? "is busy" : "cannot be reached";
    const message = `every backend of the model ${this.name} ${problem}; try again later`;
    const details = { retryAfterMs: this.retryAfterMs, states };
    return new OcellusError(isBusy ? "overloaded" : "unavailable", message, { details });
  }
}

function optionsOf(config: BackendConfig, { timeouts, health, circuit, outliers }: PoolSettings): BackendOptions {
  return { config, timeouts, health: { probes: health, circuit, outliers } };
}

/** A request's place at a backend, given back once with how it went. */
export interface Placed<Q extends RoutedRequest, E, A> {
  readonly backend: Backend<Q, E, A>;
  readonly end: ReturnType<Backend<Q, E, A>["begin"]>;
}
