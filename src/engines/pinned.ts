/**
 * An engine that must be what it was when it was published. An engine that is started again has none of the connections it had, so
 * each new one is a reason to ask what runs there: at the same time as the question is put, and before any of its answer is let out.
 */
import { OcellusError, untilAborted } from "../core/base/index.js";
import type { ImageTraffic } from "../core/runtime/index.js";
import type { EngineEvent } from "./chunk.js";
import type { EngineClient } from "./client.js";
import type { EngineFacts } from "./facts.js";
import type { EngineRequest } from "./request.js";

/** What answers a request: one engine, or several behind a router. */
export interface AnsweringEngine {
  chat(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<EngineEvent>;
  readonly imageTraffic: Readonly<ImageTraffic>;
  close(): Promise<void>;
}

export class PinnedEngine implements AnsweringEngine {
  readonly #client: EngineClient;
  readonly #pinned: EngineFacts;
  /** Connections that were there before it was last asked, and was the same. */
  #confirmed = -1;
  #asking: Promise<void> | undefined;

  constructor(client: EngineClient, pinned: EngineFacts) {
    this.#client = client;
    this.#pinned = pinned;
  }

  get imageTraffic(): Readonly<ImageTraffic> {
    return this.#client.imageTraffic;
  }

  /** @throws as the client's; `unavailable` when another model, or another version of the engine, is there now */
  async *chat(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    const events = this.#client.chat(request, signal);
    try {
      let next = await events.next();
      await this.confirm(signal);
      for (; !next.done; next = await events.next()) yield next.value;
    } finally {
      await events.return(undefined);
    }
  }

  /** @throws as `chat` */
  async confirm(signal?: AbortSignal): Promise<void> {
    const { numConnections } = this.#client;
    // Others wait for the same question; one that was put before the last of these connections stood says nothing of it.
    while (this.#confirmed < numConnections) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await untilAborted(this.#asking, signal);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #ask(): Promise<void> {
    const { numConnections } = this.#client; // those that are opened meanwhile may be to another engine
    const found = await this.#client.reported();
    const changed = changesOf(this.#pinned, found);
    if (changed.length > 0) throw this.#changed(changed);
    this.#confirmed = numConnections;
  }

  #changed(changed: readonly Change[]): OcellusError {
    const { name } = this.#client;
    const told = changed.map(
      ({ fact, expected, found }) => `${fact} ${found ?? "none"} instead of ${expected ?? "none"}`,
    );
    return new OcellusError(
      "unavailable",
      `the engine is not what was published: it reports ${told.join(", ")}; publish it as a new version`,
      { details: { engine: name, fault: "identity", changed } },
    );
  }
}

interface Change {
  readonly fact: string;
  readonly expected: string | number | undefined;
  readonly found: string | number | undefined;
}

function changesOf(pinned: EngineFacts, found: EngineFacts): Change[] {
  const names = new Set([...Object.keys(pinned), ...Object.keys(found)]);
  return [...names]
    .filter((fact) => pinned[fact] !== found[fact])
    .map((fact) => ({ fact, expected: pinned[fact], found: found[fact] }));
}
