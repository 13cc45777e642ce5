/**
 * Tells a URL of every decision about an alias, of an analysis or of a person, in the journal's order: a signed POST, tried again
 * when it fails, by one of the processes that share the registry. Decisions never wait for it: it follows the journal.
 */
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { OcellusError } from "../../core/base/index.js";
import { signedPost } from "../../guardrails/index.js";
import type { JournalEntry, Registry, RegistryEvent } from "../../rollout/index.js";
import { wireEntry } from "./wire.js";

/** `failed` is one try, `given_up` the last one of an entry. */
export type DeliveryOutcome = "delivered" | "failed" | "given_up";

export interface WebhookDispatcherOptions {
  readonly url: string;
  readonly secret: string;
  readonly registry: Registry;
  readonly log: Logger;
  /** An entry in a sentence. */
  readonly describe: (event: RegistryEvent) => string;
  readonly onDelivery?: (outcome: DeliveryOutcome) => void;
  /** For one try. */
  readonly deadlineMs?: number;
  /** After the first failure; twice as long after each. */
  readonly firstPauseMs?: number;
}

const decisions: ReadonlySet<RegistryEvent["kind"]> = new Set([
  ...(["deployed", "canary_started", "share_changed", "paused", "resumed"] as const),
  ...(["promoted", "rolled_back", "shadow_started", "shadow_ended"] as const),
]);

/** With pauses from one second on, a receiver may be away for two minutes. */
const maxTries = 8;
/** Another process takes over so long after this one was to be heard of. */
const graceMs = 10_000;
/** How often a process looks whether it is to take over. */
const lookMs = 5000;

export class WebhookDispatcher {
  readonly #options: WebhookDispatcherOptions;
  /** An address may have a token in it: it is not written into the database. */
  readonly #receiver: string;
  readonly #holder = randomUUID();
  readonly #stop = new AbortController();
  readonly #deadlineMs: number;
  readonly #firstPauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isAsked = false;
  #isAway = false;

  constructor(options: WebhookDispatcherOptions) {
    this.#options = options;
    this.#receiver = createHash("sha256").update(options.url).digest("hex");
    this.#deadlineMs = options.deadlineMs ?? 10_000;
    this.#firstPauseMs = options.firstPauseMs ?? 1000;
  }

  /** A URL that is new hears of what happens from now on; one that is known, of what it has missed. */
  async start(): Promise<void> {
    const { registry } = this.#options;
    await registry.deliveries.begin(this.#receiver, registry.state.seq);
    await registry.follow(
      () => this.#look(),
      () => {}, // Deployments reports it
    );
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
    this.#look();
  }

  /** One look at a time; what happens during one is seen by the next. */
  #look(): void {
    if (this.#isAsked || this.#stop.signal.aborted) return;
    this.#isAsked = true;
    this.#working = this.#working.then(async () => {
      this.#isAsked = false;
      await this.#tryTell();
    });
  }

  /** A database that is away is told of once. */
  async #tryTell(): Promise<void> {
    try {
      await this.#tell();
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway && !this.#stop.signal.aborted)
        this.#options.log.error({ err: error }, "the webhook's place in the journal cannot be read");
      this.#isAway = true;
    }
  }

  async #tell(): Promise<void> {
    const { registry } = this.#options;
    const { deliveries } = registry;
    if ((await deliveries.position(this.#receiver)) >= registry.state.seq || !(await this.#hold(0))) return;
    const position = await deliveries.position(this.#receiver); // the one before may have gone on until now
    for (const entry of await registry.history(position)) {
      if (decisions.has(entry.event.kind) && !(await this.#deliver(entry))) return;
      await deliveries.settle(this.#receiver, this.#holder, entry.seq);
    }
  }

  /** For a pause, a try after it, and the time to say so. */
  #hold(pauseMs: number): Promise<boolean> {
    const now = Date.now();
    const until = now + pauseMs + this.#deadlineMs + graceMs;
    return this.#options.registry.deliveries.hold(this.#receiver, this.#holder, now, until);
  }

  /** @returns false when it is another process's matter now */
  async #deliver(entry: JournalEntry): Promise<boolean> {
    const { describe, log, onDelivery } = this.#options;
    const decision = { object: "ocellus.decision", ...wireEntry(entry), text: describe(entry.event) };
    const body = JSON.stringify(decision);
    for (let numTries = 1; ; numTries++) {
      const pauseMs = this.#firstPauseMs * 2 ** (numTries - 1);
      if (!(await this.#hold(pauseMs))) return false;
      const problem = await this.#post(body);
      if (this.#stop.signal.aborted) return false;
      if (problem === undefined) {
        onDelivery?.("delivered");
        return true;
      }
      onDelivery?.("failed");
      log.warn({ seq: entry.seq, numTries, err: problem }, "the webhook was not told");
      if (numTries === maxTries) break;
      await sleep(pauseMs, undefined, { signal: this.#stop.signal });
    }
    onDelivery?.("given_up");
    log.error({ seq: entry.seq, numTries: maxTries }, "the webhook will not hear of this");
    return true;
  }

  /** @returns what went wrong, if anything */
  async #post(body: string): Promise<unknown> {
    const { url, secret } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#deadlineMs)]);
    try {
      const response = await signedPost(url, body, secret, signal);
      await response.body?.cancel();
      if (response.ok) return undefined;
      return new OcellusError("io", `the service answered ${response.status}`);
    } catch (error) {
      return error;
    }
  }

  /** What is not told yet is told by another process, or at the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#working;
    await this.#options.registry.deliveries.release(this.#receiver, this.#holder).catch(() => {}); // it runs out by itself
  }
}
