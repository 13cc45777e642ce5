/** Tells the registry how this server stands to what its aliases are to serve, in order, and holds no one up with it. */
import { hostname } from "node:os";
import type { Logger } from "pino";
import type { Registry, ServerReport } from "../../rollout/index.js";

export class Reporter {
  readonly #registry: Registry;
  readonly #log: Logger;
  readonly #server = `${hostname()}:${process.pid}`;
  #last: Promise<void> = Promise.resolve();

  constructor(registry: Registry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
  }

  /** Whoever deploys knows that somebody listens. */
  start(): void {
    this.#then(() => this.#registry.reports.forgetKilled());
    this.say("", "serving", "started");
  }

  say(alias: string, state: ServerReport["state"], detail: string): void {
    const { reports, state: known } = this.#registry;
    this.#then(() => reports.put({ server: this.#server, alias, seq: known.seq, state, detail }));
  }

  async close(): Promise<void> {
    this.#then(() => this.#registry.reports.forget(this.#server));
    await this.#last;
  }

  #then(write: () => Promise<void>): void {
    this.#last = this.#last.then(write).catch((error: unknown) => {
      this.#log.warn({ err: error }, "what is served here could not be told to the registry");
    });
  }
}
