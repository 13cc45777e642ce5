/** Engines that behave as a test says, without a network: what a pool is made of. */
import { OcellusError } from "../core/runtime/index.js";
import type { OpenEngine, RoutedRequest } from "./index.js";

/** The answer to one request, as words. */
export type Behaviour = (signal: AbortSignal) => AsyncGenerator<string>;

export class FakeEngines {
  /** By backend; absent: one word, its name. */
  readonly behaviours = new Map<string, Behaviour>();
  /** Backends whose probes fail. */
  readonly down = new Set<string>();
  /** The backend of each request, in order. */
  readonly asked: string[] = [];
  /** Requests that run, by backend. */
  readonly running = new Map<string, number>();
  readonly closed: string[] = [];
  readonly opened: string[] = [];

  readonly open: OpenEngine<RoutedRequest, string, string> = async ({ name, model }) => {
    const probe = async () => {
      if (this.down.has(name)) throw new OcellusError("unavailable", "refused");
    };
    await probe();
    this.opened.push(name);
    const chat = (_: RoutedRequest, signal?: AbortSignal) => this.#answer(name, signal!);
    return { about: model, probe, chat, imageTraffic, close: async () => void this.closed.push(name) };
  };

  get numRunning(): number {
    return [...this.running.values()].reduce((sum, count) => sum + count, 0);
  }

  async *#answer(name: string, signal: AbortSignal): AsyncGenerator<string> {
    this.asked.push(name);
    this.running.set(name, (this.running.get(name) ?? 0) + 1);
    try {
      yield* (this.behaviours.get(name) ?? saying(name))(signal);
    } finally {
      this.running.set(name, this.running.get(name)! - 1);
    }
  }
}

const imageTraffic = { imagesSent: 0, imageBytesSent: 0, imagesNamed: 0, imageBytesSaved: 0, imagesForgotten: 0 };

export function saying(...words: readonly string[]): Behaviour {
  return async function* () {
    yield* words;
  };
}

/** @param before words that come first */
export function failing(code: OcellusError["code"], before: readonly string[] = [], details = {}): Behaviour {
  return async function* () {
    yield* before;
    throw new OcellusError(code, "fails", { details });
  };
}

/** Says nothing until it is let go. */
export function hanging(): { behaviour: Behaviour; go: () => void } {
  let go = () => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const behaviour: Behaviour = async function* (signal) {
    const left = new Promise<never>((_, reject) => {
      const leave = () => reject(new OcellusError("aborted", "left"));
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
    });
    await Promise.race([gone, left]);
    yield "late";
  };
  return { behaviour, go };
}
