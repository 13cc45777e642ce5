/**
 * The models of a backends file, as a server's provider of models: each a pool of engines, probed and compared all the time. The
 * file is read again when it changes; a change that cannot be used leaves what is in force as it is, and says so.
 */
import { OcellusError } from "../core/base/index.js";
import { type FileFingerprint, fingerprintFile } from "../core/fs/index.js";
import type { LanguageModel } from "../core/runtime/index.js";
import type { BackendState } from "./backend.js";
import { type BackendsFile, readBackends } from "./backends-file.js";
import type { OpenEngine, RoutedEngine, RoutedRequest } from "./engine.js";
import { GatewayModel } from "./gateway-model.js";
import type { GatewayListener } from "./listener.js";
import { type ChooseBackend, Pool, type PoolSettings } from "./pool.js";
import { Router } from "./router.js";

export interface GatewayOptions<Q extends RoutedRequest, E, A> {
  readonly open: OpenEngine<Q, E, A>;
  /** A model whose questions are put to `engine`, by what some engines have said of themselves. */
  readonly model: (name: string, engine: RoutedEngine<Q, E>, abouts: readonly A[]) => LanguageModel;
  readonly listener: GatewayListener;
  /** Told when a changed file cannot be used. */
  readonly onProblem?: ((problem: string) => void) | undefined;
  /** Told when a backend is in another state than when it was last looked at. */
  readonly onState?: ((model: string, backend: BackendState) => void) | undefined;
  /** How often the file is looked at. Default: every second. */
  readonly refreshMs?: number;
  /** In place of the file's routing, to compare. */
  readonly choose?: ChooseBackend | undefined;
}

export interface GatewayModelState {
  readonly model: string;
  readonly waiting: number;
  readonly backends: readonly BackendState[];
}

interface Entry<Q extends RoutedRequest, E, A> {
  readonly pool: Pool<Q, E, A>;
  readonly model: GatewayModel<Q, E, A>;
}

export class Gateway<Q extends RoutedRequest, E, A> {
  readonly #path: string;
  readonly #options: GatewayOptions<Q, E, A>;
  readonly #entries = new Map<string, Entry<Q, E, A>>();
  /** Of models that have left the file and still answer. */
  readonly #leaving = new Set<Pool<Q, E, A>>();
  #file!: BackendsFile;
  #look: FileFingerprint | undefined;
  #problem: string | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #refreshing: Promise<void> | undefined;
  #isClosed = false;
  /** The states that were told last, by model and backend. */
  #told: ReadonlyMap<string, BackendState["state"]> = new Map();

  private constructor(path: string, options: GatewayOptions<Q, E, A>) {
    this.#path = path;
    this.#options = options;
  }

  /** Once every backend was probed, whatever came of it. @throws as `readBackends` */
  static async open<Q extends RoutedRequest, E, A>(
    path: string,
    options: GatewayOptions<Q, E, A>,
  ): Promise<Gateway<Q, E, A>> {
    const gateway = new Gateway(path, options);
    await gateway.#read();
    gateway.#watch();
    gateway.#tellStates();
    return gateway;
  }

  /** Why a changed file is not in force. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get states(): readonly GatewayModelState[] {
    return [...this.#entries].map(([model, { pool }]) => ({ model, waiting: pool.numWaiting, backends: pool.states }));
  }

  /** @returns undefined for a name that is not in the file @throws `unavailable` until an engine of it was reached */
  async resolve(name: string) {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    const { model } = entry;
    if (model.isKnown) return { id: name, model, release() {} };
    throw new OcellusError("unavailable", `no backend of the model ${name} was reached yet; try again later`, {
      details: { retryAfterMs: this.#file.health.intervalMs },
    });
  }

  list() {
    return [...this.#entries].filter(([, { model }]) => model.isKnown).map(([id, { model }]) => ({ id, model }));
  }

  /** Reads the file again, where it has changed. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    try {
      await this.#read();
      this.#problem = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#problem) this.#options.onProblem?.(`the changed backends are not in force: ${problem}`);
      this.#problem = problem;
    }
    this.#tellStates();
  }

  #tellStates(): void {
    const told = new Map<string, BackendState["state"]>();
    for (const { model, backends } of this.states)
      for (const backend of backends) {
        const key = JSON.stringify([model, backend.name]);
        told.set(key, backend.state);
        if (this.#told.get(key) !== backend.state) this.#options.onState?.(model, backend);
      }
    this.#told = told;
  }

  async #read(): Promise<void> {
    const look = await fingerprintFile(this.#path, this.#look); // before reading: what is written meanwhile is found next time
    if (look.digest === this.#look?.digest) {
      this.#look = look;
      return;
    }
    const file = await readBackends(this.#path);
    if (this.#isClosed) return;
    this.#look = look;
    await this.#adopt(file);
  }

  async #adopt(file: BackendsFile): Promise<void> {
    const { models, $schema: _, ...settings } = file;
    for (const [name, { pool }] of this.#entries)
      if (!(name in models)) {
        this.#entries.delete(name);
        this.#leaving.add(pool);
        void pool.close(settings.drainMs).finally(() => this.#leaving.delete(pool));
      }
    const adopted = Object.entries(models).map(async ([name, { backends }]) => {
      const { pool } = this.#entries.get(name) ?? this.#add(name, settings);
      await pool.configure(backends, settings);
    });
    const before = this.#file;
    this.#file = file;
    await Promise.all(adopted);
    if (before && !this.#isClosed) this.#watch();
  }

  #add(name: string, settings: PoolSettings): Entry<Q, E, A> {
    const { open, listener, choose, model } = this.#options;
    const pool = new Pool({ name, settings, open, choose });
    const router = new Router(pool, listener);
    const entry = { pool, model: new GatewayModel(pool, (abouts) => model(name, router, abouts)) };
    this.#entries.set(name, entry);
    return entry;
  }

  /** With the intervals that the file says now. */
  #watch(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const every = (ms: number, work: () => void) => this.#timers.push(setInterval(work, ms).unref());
    const ofEach = (work: (pool: Pool<Q, E, A>) => unknown) => () => {
      for (const { pool } of this.#entries.values()) work(pool);
    };
    every(this.#options.refreshMs ?? 1000, () => void this.refresh());
    every(
      this.#file.health.intervalMs,
      ofEach((pool) => pool.probe()),
    );
    every(
      this.#file.outliers.intervalMs,
      ofEach((pool) => pool.ejectOutliers()),
    );
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#refreshing;
    const pools = [...[...this.#entries.values()].map(({ pool }) => pool), ...this.#leaving];
    await Promise.all(pools.map((pool) => pool.close(0)));
  }
}
