/**
 * The backends of a pool as one engine. A request goes to the backend that its images lead to; until its first token it may be sent
 * to another one, after that never: a client that has read half an answer is not given half of another.
 */
import { OcellusError } from "../core/base/index.js";
import type { ImageTraffic } from "../core/runtime/index.js";
import { Attempt, mayBeRepeated } from "./attempt.js";
import type { Backend } from "./backend.js";
import type { RoutedEngine, RoutedRequest } from "./engine.js";
import type { GatewayListener } from "./listener.js";
import type { Placed, Pool } from "./pool.js";
import type { Hash } from "./routing.js";
import { routingKey } from "./routing-key.js";

interface Asked<Q extends RoutedRequest, E, A> {
  readonly request: Q;
  readonly key: Hash;
  readonly signal: AbortSignal | undefined;
  readonly tried: Set<Backend<Q, E, A>>;
}

export class Router<Q extends RoutedRequest, E, A> implements RoutedEngine<Q, E> {
  readonly #pool: Pool<Q, E, A>;
  readonly #listener: GatewayListener;

  constructor(pool: Pool<Q, E, A>, listener: GatewayListener) {
    this.#pool = pool;
    this.#listener = listener;
  }

  /** @throws as the engines; `overloaded`, `unavailable` with `details.retryAfterMs`; `aborted` */
  async *chat(request: Q, signal?: AbortSignal): AsyncGenerator<E> {
    const { budget } = this.#pool;
    const asked = { request, key: routingKey(request), signal, tried: new Set<Backend<Q, E, A>>() };
    budget.earn();
    for (let problem: OcellusError | undefined; ; ) {
      const placed = await this.#pool.place(asked.key, asked.tried, signal);
      if (!placed) throw this.#final(problem!);
      const attempt = await this.#fastest(this.#attempt(placed, asked), asked);
      try {
        await attempt.first;
      } catch (error) {
        if (signal?.aborted || !mayBeRepeated(error)) throw error;
        problem = error;
        if (asked.tried.size >= this.#pool.settings.retries.attempts || !budget.spend()) throw this.#final(error);
        this.#listener.onRetry(this.#pool.name, attempt.name, error);
        continue;
      }
      yield* attempt.events();
      return;
    }
  }

  #attempt({ backend, end }: Placed<Q, E, A>, { request, signal, tried }: Asked<Q, E, A>): Attempt<E> {
    tried.add(backend);
    const { name } = backend.config;
    const ask = (within: AbortSignal) => backend.engine!.chat(request, within);
    return new Attempt(
      name,
      ask,
      (report) => {
        end(report);
        this.#listener.onEnd(this.#pool.name, name, report);
      },
      signal,
    );
  }

  /** With `hedgeAfterMs`, a second backend is asked where the first is late; whichever speaks first is read, the other is ended. */
  async #fastest(first: Attempt<E>, asked: Asked<Q, E, A>): Promise<Attempt<E>> {
    const { hedgeAfterMs } = this.#pool.settings;
    if (hedgeAfterMs === undefined || !(await isLate(first.first, hedgeAfterMs))) return first;
    const placed = this.#pool.budget.spend() ? this.#pool.placeIfFree(asked.key, asked.tried) : undefined;
    if (!placed) return first;
    this.#listener.onHedge(this.#pool.name);
    const second = this.#attempt(placed, asked);
    const both = [first, second].map((attempt) => attempt.first.then(() => attempt));
    const winner = await Promise.any(both).catch(() => first);
    (winner === first ? second : first).leave();
    return winner;
  }

  /** When a client may come back, where the engine did not say. */
  #final(error: OcellusError): OcellusError {
    const { code, message, details } = error;
    if (details.retryAfterMs !== undefined || (code !== "overloaded" && code !== "unavailable")) return error;
    const retryAfterMs = this.#pool.retryAfterMs;
    return new OcellusError(code, message, { details: { ...details, retryAfterMs }, cause: error });
  }

  /** Of the backends that there are now. */
  get imageTraffic(): ImageTraffic {
    const total = { imagesSent: 0, imageBytesSent: 0, imagesNamed: 0, imageBytesSaved: 0, imagesForgotten: 0 };
    for (const { engine } of this.#pool.backends)
      for (const name of Object.keys(total) as (keyof ImageTraffic)[]) total[name] += engine?.imageTraffic[name] ?? 0;
    return total;
  }

  /** The backends are the gateway's to close. */
  async close(): Promise<void> {}
}

/** Whether it takes longer than that. */
async function isLate(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  const onTime = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([onTime, late]).finally(() => clearTimeout(timer));
}
