/**
 * A fleet of engines on paper: requests about images arrive at some gateways, whose routing and health are the code that serves
 * (src/gateway). An engine has places for answers, an encoder that encodes one image at a time, and a cache of encoded images
 * that is lost when it restarts. Times are invented, and the same for every policy: compare columns, not clocks.
 */
import {
  type BackendHealth,
  defaultHealth,
  ejectOutliers,
  type Hash,
  BackendHealth as Health,
  hashOf,
} from "../../../src/gateway/index.js";
import { seeded } from "../../../src/rollout/analysis/seeded.testkit.js";
import { EventQueue } from "./event-queue.js";
import type { FleetOptions, FleetResult } from "./options.js";
import { newPolicy, type Policy, type Seat } from "./policies.js";
import { cumulative, firstAbove } from "./popularity.js";

/** Of an engine. The encoder takes a quarter of a second, as of a large photo on a busy device. */
const [places, encodeMs, prefillMs, tokenMs, meanTokens] = [8, 250, 60, 20, 100];
const [probeMs, judgeMs, refusalMs, crashMs, restartMs, maxAttempts] = [1000, 10_000, 1, 10_000, 5000, 3];
/** Engines that are restarted at the same time. */
const deployShare = 0.1;
/** Requests before this share fill the caches and are not counted. */
const warmUpShare = 1 / 3;

interface Request {
  readonly key: Hash;
  readonly image: number;
  readonly gateway: number;
  readonly arrived: number;
  readonly isCounted: boolean;
  attempts: number;
  readonly tried: Set<number>;
}

interface Run {
  readonly request: Request;
  readonly seat: Seat;
  readonly report: ReturnType<BackendHealth["begin"]>;
  firstTokenAt: number;
  isOver: boolean;
}

interface EngineState {
  readonly index: number;
  readonly health: BackendHealth;
  readonly cache: Set<number>;
  readonly running: Set<Run>;
  readonly waiting: Run[];
  encoderFreeAt: number;
  isAlive: boolean;
  isDraining: boolean;
  numCounted: number;
}

export function simulateFleet(options: FleetOptions): FleetResult {
  return new Fleet(options).run();
}

class Fleet {
  readonly #options: FleetOptions;
  readonly #events = new EventQueue();
  readonly #random: () => number;
  readonly #engines: readonly EngineState[];
  /** Of each gateway: it sees what it has sent itself. */
  readonly #seats: readonly (readonly Seat[])[];
  readonly #policies: readonly Policy[];
  readonly #popularity: Float64Array;
  readonly #keys = new Map<number, Hash>();
  #usable: readonly (readonly Seat[])[] = [];
  #usableAt = Number.NEGATIVE_INFINITY;
  #arrived = 0;
  #ended = 0;
  readonly #numRequests: number;
  readonly #firstTokens: number[] = [];
  readonly #counts = { hits: 0, lookups: 0, retried: 0, brokenOff: 0, refused: 0 };

  constructor(options: FleetOptions) {
    const { backends, gateways, policy, seed, imagesPerBackend, zipf } = options;
    this.#options = options;
    this.#random = seeded(seed);
    this.#numRequests = backends * options.requestsPerBackend;
    this.#engines = Array.from({ length: backends }, (_, index) => this.#newEngine(index));
    const hashes = this.#engines.map(({ index }) => hashOf(`engine ${index}`));
    const seat = (index: number): Seat => ({ index, hash: hashes[index]!, weight: 1, load: 0, capacity: 1e9 });
    this.#seats = Array.from({ length: gateways }, () => hashes.map((_, index) => seat(index)));
    this.#policies = this.#seats.map(() => newPolicy(policy, hashes));
    this.#popularity = cumulative(Array.from({ length: backends * imagesPerBackend }, (_, k) => (k + 1) ** -zipf));
  }

  #newEngine(index: number): EngineState {
    const health = new Health(defaultHealth, () => this.#events.now);
    health.noteProbe();
    const parts = { cache: new Set<number>(), running: new Set<Run>(), waiting: [] };
    return { index, health, ...parts, encoderFreeAt: 0, isAlive: true, isDraining: false, numCounted: 0 };
  }

  run(): FleetResult {
    this.#every(probeMs, () => this.#probe());
    this.#every(judgeMs, () =>
      ejectOutliers(
        this.#engines.map(({ health }) => health),
        defaultHealth.outliers,
      ),
    );
    this.#planCrashes();
    if (this.#options.deploys) this.#events.add(warmUpShare * this.#durationMs, () => this.#deployFrom(0));
    this.#arrive();
    this.#events.run(() => this.#ended === this.#numRequests);
    return this.#result();
  }

  /** Between arrivals on average. */
  get #arrivalMs(): number {
    return (prefillMs + meanTokens * tokenMs) / (this.#options.load * places * this.#options.backends);
  }

  get #durationMs(): number {
    return this.#numRequests * this.#arrivalMs;
  }

  #arrive(): void {
    const arrival = this.#arrived++;
    if (arrival >= this.#numRequests) return;
    const image = firstAbove(this.#popularity, this.#random());
    const gateway = Math.floor(this.#random() * this.#seats.length);
    const isCounted = arrival >= warmUpShare * this.#numRequests;
    this.#send({
      key: this.#keyOf(image),
      image,
      gateway,
      arrived: this.#events.now,
      isCounted,
      attempts: 0,
      tried: new Set(),
    });
    this.#events.add(-Math.log(1 - this.#random()) * this.#arrivalMs, () => this.#arrive());
  }

  #keyOf(image: number): Hash {
    const known = this.#keys.get(image);
    if (known) return known;
    const key = hashOf(`image ${image}`);
    this.#keys.set(image, key);
    return key;
  }

  #send(request: Request): void {
    const salt = { high: Math.floor(this.#random() * 2 ** 32), low: this.#arrived };
    const all = this.#usableSeats(request.gateway);
    const seats = request.tried.size === 0 ? all : all.filter(({ index }) => !request.tried.has(index));
    const seat =
      request.attempts++ < maxAttempts ? this.#policies[request.gateway]!(request.key, salt, seats) : undefined;
    if (!seat) {
      this.#ended++;
      if (request.isCounted) this.#counts.refused++;
      return;
    }
    request.tried.add(seat.index);
    seat.load++;
    const engine = this.#engines[seat.index]!;
    const run: Run = {
      request,
      seat,
      report: engine.health.begin(),
      firstTokenAt: Number.POSITIVE_INFINITY,
      isOver: false,
    };
    if (engine.isAlive) {
      engine.waiting.push(run);
      this.#startNext(engine);
    } else this.#events.add(refusalMs, () => this.#fail(run));
  }

  #startNext(engine: EngineState): void {
    if (engine.running.size >= places) return;
    const run = engine.waiting.shift();
    if (!run) return;
    const { now } = this.#events;
    const isHit = this.#look(engine, run.request);
    if (!isHit) engine.encoderFreeAt = Math.max(now, engine.encoderFreeAt) + encodeMs;
    run.firstTokenAt = (isHit ? now : engine.encoderFreeAt) + prefillMs;
    engine.running.add(run);
    const writingMs = -Math.log(1 - this.#random()) * meanTokens * tokenMs;
    this.#events.add(run.firstTokenAt + writingMs - now, () => this.#finish(engine, run));
  }

  /** Least recently used images make room. */
  #look({ cache }: EngineState, { image, isCounted }: Request): boolean {
    const isHit = cache.delete(image);
    cache.add(image);
    if (cache.size > this.#options.cachedImages) for (const oldest of cache) if (cache.delete(oldest)) break;
    if (isCounted) {
      this.#counts.lookups++;
      this.#counts.hits += Number(isHit);
    }
    return isHit;
  }

  #finish(engine: EngineState, run: Run): void {
    if (run.isOver) return;
    const firstTokenMs = run.firstTokenAt - run.request.arrived;
    this.#leave(run);
    run.report("success");
    engine.running.delete(run);
    this.#ended++;
    if (run.request.isCounted) {
      engine.numCounted++;
      this.#firstTokens.push(firstTokenMs);
    }
    this.#startNext(engine);
  }

  #fail(run: Run): void {
    this.#leave(run);
    run.report("failure");
    this.#usableAt = Number.NEGATIVE_INFINITY;
    const { request } = run;
    if (run.firstTokenAt <= this.#events.now) {
      this.#ended++;
      if (request.isCounted) this.#counts.brokenOff++;
      return;
    }
    if (request.isCounted) this.#counts.retried++;
    this.#send(request);
  }

  #leave(run: Run): void {
    run.isOver = true;
    run.seat.load--;
  }

  #usableSeats(gateway: number): readonly Seat[] {
    if (this.#events.now - this.#usableAt > 100) {
      const isUsable = this.#engines.map(({ health, isDraining }) => !isDraining && health.isUsable);
      this.#usable = this.#seats.map((seats) => seats.filter(({ index }) => isUsable[index]));
      this.#usableAt = this.#events.now;
    }
    return this.#usable[gateway]!;
  }

  #probe(): void {
    for (const { health, isAlive } of this.#engines) health.noteProbe(isAlive ? undefined : "refused");
  }

  #planCrashes(): void {
    for (const engine of this.#engines) {
      if (this.#random() >= this.#options.crashing) continue;
      const at = (warmUpShare + (1 - warmUpShare) * this.#random()) * this.#durationMs;
      this.#events.add(at, () => this.#crash(engine, crashMs));
    }
  }

  #crash(engine: EngineState, downMs: number): void {
    const runs = [...engine.running, ...engine.waiting.splice(0)];
    engine.isAlive = false;
    engine.running.clear();
    engine.cache.clear();
    engine.encoderFreeAt = 0;
    this.#events.add(downMs, () => (engine.isAlive = true));
    for (const run of runs) this.#fail(run);
  }

  #deployFrom(first: number): void {
    const group = this.#engines.slice(first, first + Math.ceil(deployShare * this.#engines.length));
    for (const engine of group) engine.isDraining = true;
    const restartIdle = () => {
      if (group.some(({ running, waiting }) => running.size + waiting.length > 0)) {
        this.#events.add(100, restartIdle);
        return;
      }
      for (const engine of group) this.#crash(engine, restartMs);
      this.#events.add(restartMs, () => {
        for (const engine of group) engine.isDraining = false;
        if (first + group.length < this.#engines.length) this.#deployFrom(first + group.length);
      });
    };
    restartIdle();
  }

  #every(ms: number, work: () => void): void {
    this.#events.add(ms, () => {
      work();
      this.#every(ms, work);
    });
  }

  #result(): FleetResult {
    const times = Float64Array.from(this.#firstTokens).sort();
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN;
    const { hits, lookups, ...counts } = this.#counts;
    const busiest = Math.max(...this.#engines.map(({ numCounted }) => numCounted));
    return {
      hitRate: hits / lookups,
      imbalance: (busiest * this.#engines.length) / times.length,
      firstTokenMs: { p50: at(0.5), p99: at(0.99) },
      answered: times.length,
      ...counts,
    };
  }
}
