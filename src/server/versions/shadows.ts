/**
 * Live questions, asked once more of a version that is looked at: an alias's shadow, or its canary where agreement is analysed.
 * Only after the client has its answer, only while no one live waits, a tenth of the time while live answers are written, and from
 * a bounded queue: what does not fit is dropped and counted. No answer from here is served, logged or kept; what remains of a pair is figures.
 *
 * The question goes in, and its answer comes out, by the version's own guarded door, as if its client had asked again: what the
 * policy forbids does not reach this version either, and both answers are compared as they would be delivered. What a costly guard
 * said of the same words and pictures is remembered, not asked again. The audit log tells a mirrored evaluation by its request,
 * `ID shadow`. What a guard blocks here, or cannot check, is no version's fault: it is dropped.
 */
import type { Logger } from "pino";
import type { Registry as Meters } from "prom-client";
import { invariant, OcellusError, type Semaphore } from "../../core/base/index.js";
import { type ChatOptions, type ChatResult, collect, type Prepared } from "../../core/runtime/index.js";
import { asking, type GuardedModel, whoAsks } from "../../guardrails/index.js";
import {
  type Alias,
  agreementOf,
  type Comparison,
  mirroredId,
  noteComparison,
  type Registry,
} from "../../rollout/index.js";
import type { ModelCatalog } from "../model-catalog.js";
import { type AskedPrompt, pixelBytesOf, preparePrompt } from "../prompt.js";
import type { FollowedRequest } from "../request-events.js";
import type { Deployments } from "./deployments.js";
import { LiveLoad } from "./live-load.js";
import { Mirrored, type Target, targetsOf } from "./mirrored.js";
import { type DropReason, type Pair, type Pairing, PairTally } from "./pair-tally.js";
import type { Rollouts } from "./rollouts.js";
import { ShadowMetrics } from "./shadow-metrics.js";

export interface ShadowLimits {
  /** Questions that wait or are in work. */
  readonly shadowQueue: number;
  /** Of these. */
  readonly shadowBytes: number;
  /** In work at once. */
  readonly shadowRunning: number;
  /** A mirrored answer has the time that a live one has. */
  readonly deadlineMs: number;
  readonly maxPixelBytes: number;
}

export interface ShadowsOptions {
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly rollouts: Rollouts;
  readonly limits: ShadowLimits;
  /** Of the server. */
  readonly models: ModelCatalog;
  /** Where pictures wait for room. */
  readonly pixels: Semaphore;
  /** Aborted when the server begins to stop. */
  readonly draining: AbortSignal;
  readonly meters: Meters;
  readonly log: Logger;
}

interface Job {
  readonly mirrored: Mirrored;
  readonly target: Target;
  readonly numBytes: number;
  /** How often it had to make room for live requests. */
  numYields: number;
}

/** How soon whoever waits is noticed. */
const lookEveryMs = 25;
/** Where cores are shared live answers are slower beside a mirrored one: then it rests for so long as a multiple of its work. */
const restFactor = 9;
/** After so many beginnings it is given up: work that is thrown away again and again is not lowest priority. */
const maxYields = 3;

export class Shadows {
  readonly #options: ShadowsOptions;
  readonly #metrics: ShadowMetrics;
  readonly #live: LiveLoad;
  readonly #queue: Job[] = [];
  readonly #running = new Map<Job, { readonly stop: AbortController; readonly done: Promise<void> }>();
  readonly #tallies = new Map<string, PairTally>();
  #bytes = 0;
  /** Before then a mirrored answer begins only where no live one is being written. */
  #restUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ShadowsOptions) {
    this.#options = options;
    this.#live = new LiveLoad(options.models, options.pixels);
    this.#metrics = new ShadowMetrics(options.meters, {
      waiting: () => this.#queue.length,
      bytes: () => this.#bytes,
    });
    options.deployments.onChange(() => void this.#endTallies());
  }

  /** Decides, before a request is answered, whether its question is asked again afterwards, and with what seed. */
  pick({ id, assignment }: FollowedRequest, prompt: AskedPrompt, options: ChatOptions): Mirrored | undefined {
    const { alias, resolution, mark = 0 } = assignment ?? {};
    if (!alias || resolution?.role !== "stable" || resolution.tag !== alias.tag) return undefined;
    const targets = targetsOf(alias).filter(({ share }) => Math.random() < share);
    if (targets.length === 0) return undefined;
    return new Mirrored({ requestId: id, alias, mark, targets, prompt, options, asked: whoAsks() });
  }

  /** A live answer has ended well. Returns at once. */
  offer(mirrored: Mirrored): void {
    if (mirrored.firstTokenMs === undefined) return; // the choice that would be compared has not ended
    const { shadowQueue, shadowBytes } = this.#options.limits;
    const { numBytes } = mirrored;
    for (const target of mirrored.parts.targets) {
      const job = { mirrored, target, numBytes, numYields: 0 };
      const isFull = this.#queue.length + this.#running.size >= shadowQueue || this.#bytes + numBytes > shadowBytes;
      if (!this.#isWanted(job)) this.#drop(job, "ended");
      else if (isFull) this.#drop(job, "full");
      else {
        this.#bytes += numBytes;
        this.#queue.push(job);
      }
    }
    this.#wake(0); // a turn of the event loop later: the client's last byte goes first
  }

  /** Of one alias's pairs in that role, in this process. */
  comparisonOf({ name, tag: served }: Alias, { role, tag }: Pick<Target, "role" | "tag">): Comparison | undefined {
    return this.#tallies.get(keyOf({ alias: name, served, role, tag }))?.comparison();
  }

  /** Ends what runs, and writes the last summaries down. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const job of this.#queue.splice(0)) this.#leave(job, "ended");
    for (const { stop } of this.#running.values()) stop.abort("ended" satisfies DropReason);
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    await Promise.all([...this.#tallies.values()].map((tally) => this.#writeSummary(tally, true)));
  }

  #wake(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#begin();
    }, ms).unref();
  }

  /** As many as may be in work, unless somebody live waits. */
  #begin(): void {
    for (const job of this.#queue.filter((each) => !this.#isWanted(each))) {
      this.#queue.splice(this.#queue.indexOf(job), 1);
      this.#leave(job, "ended");
    }
    while (this.#running.size < this.#options.limits.shadowRunning && this.#mayBegin()) {
      const at = this.#queue.findIndex((job) => this.#hasPlace(job));
      if (at < 0) break;
      const [job] = this.#queue.splice(at, 1);
      const stop = new AbortController();
      this.#running.set(job!, { stop, done: this.#run(job!, stop) });
    }
    if (this.#queue.length > 0) this.#wake(lookEveryMs);
  }

  #mayBegin(): boolean {
    if (this.#live.numRunning <= this.#running.size) return true;
    return performance.now() >= this.#restUntil && !this.#live.isCrowded;
  }

  #hasPlace({ target }: Job): boolean {
    const loaded = this.#options.deployments.loaded(target.tag);
    return !loaded || this.#options.models.serve(loaded).gate.stats.running < loaded.model.info.maxSequences;
  }

  async #run(job: Job, stop: AbortController): Promise<void> {
    const started = performance.now();
    const watch = setInterval(() => {
      if (!this.#isWanted(job)) stop.abort("ended" satisfies DropReason);
      else if (this.#live.isCrowded) stop.abort("yielded" satisfies DropReason);
    }, lookEveryMs);
    try {
      const outcome = await this.#ask(job, stop.signal);
      if (outcome === "yielded" && ++job.numYields < maxYields) this.#queue.unshift(job);
      else if (typeof outcome === "string") this.#leave(job, outcome);
      else this.#settle(job, outcome);
    } catch (error) {
      this.#options.log.error({ err: error }, "a mirrored answer was not counted"); // no one else hears of it
    } finally {
      clearInterval(watch);
      const now = performance.now();
      this.#restUntil = Math.max(this.#restUntil, now + restFactor * (now - started));
      this.#running.delete(job);
      if (this.#queue.length > 0) this.#wake(0);
    }
  }

  /** Never throws: an answer, what went wrong with it, or why there is none. */
  async #ask({ mirrored, target }: Job, stop: AbortSignal): Promise<ChatResult | Error | DropReason> {
    const { deployments, models, limits } = this.#options;
    const lease = deployments.lease(target.tag);
    if (!lease) return "ended";
    const { model, gate } = models.serve(lease);
    const permit = gate.enterIfFree("mirrored questions"); // no key has spaces in its name
    try {
      if (!permit) return "yielded";
      const { asked, requestId } = mirrored.parts;
      const request = mirroredId(requestId, target.role);
      const options = mirrored.optionsFor(AbortSignal.any([stop, AbortSignal.timeout(limits.deadlineMs)]));
      return await asking({ ...asked, request, reports: [] }, async () => {
        const prepared = await this.#prepare(model, mirrored.parts.prompt, options);
        return prepared && collect(model.generate(prepared));
      }).then((result) => result ?? "yielded");
    } catch (error) {
      if (stop.aborted) return stop.reason as DropReason;
      const code = error instanceof OcellusError ? error.code : undefined;
      if (code === "blocked" || code === "unavailable" || code === "io") return "unguarded"; // io: the audit log's
      return error as Error;
    } finally {
      permit?.release();
      lease.release();
    }
  }

  /** @returns undefined where its pictures would have to wait: in that line it would stand before live ones */
  async #prepare(model: GuardedModel, prompt: AskedPrompt, options: ChatOptions): Promise<Prepared | undefined> {
    const { pixels, limits } = this.#options;
    const numBytes = await pixelBytesOf(model, prompt, options, limits.maxPixelBytes);
    const work = () => preparePrompt(model, prompt, options);
    if (numBytes === 0) return work();
    return pixels.hasCapacity(numBytes) ? pixels.run(work, options.signal, numBytes) : undefined;
  }

  #settle(job: Job, heard: ChatResult | Error): void {
    const { mirrored, target } = job;
    const pair = heard instanceof Error ? undefined : pairOf(mirrored, heard);
    this.#bytes -= job.numBytes;
    this.#metrics.pair(target.tag, pair);
    const tally = this.#tallyOf(job);
    if (pair) tally.add(pair);
    else this.#logFailure(job, tally.fail(), heard as Error);
    this.#note(job, pair);
    if (target.role === "comparison")
      this.#options.rollouts.observeAgreement(mirrored.parts, pair?.agreement.similarity ?? 0);
    void this.#writeSummary(tally, false);
  }

  /** The first one loudly: a broken version would fill the log. */
  #logFailure({ mirrored, target }: Job, count: number, error: Error): void {
    const facts = { request: mirrored.parts.requestId, version: target.tag, err: error };
    this.#options.log[count === 1 ? "warn" : "debug"](facts, "a mirrored question was not answered");
  }

  /** For `ocellus requests show`: how alike, not what. */
  #note({ mirrored, target: { role, tag } }: Job, pair: Pair | undefined): void {
    const { requestId, alias } = mirrored.parts;
    const seen = pair ? `${(100 * pair.agreement.similarity).toFixed(1)} % alike` : "it failed";
    const record = { model: alias.name, tag, role, reason: `asked too and not served: ${seen}` };
    this.#options.registry.answers.add({ requestId: mirroredId(requestId, role), at: Date.now(), ...record });
  }

  #leave(job: Job, reason: DropReason): void {
    this.#bytes -= job.numBytes;
    this.#drop(job, reason);
  }

  #drop(job: Job, reason: DropReason): void {
    if (reason !== "ended") this.#tallyOf(job).drop();
    this.#metrics.dropped(job.target.tag, reason);
  }

  #tallyOf(job: Job): PairTally {
    const pairing = pairingOf(job);
    const found = this.#tallies.get(keyOf(pairing)) ?? new PairTally(pairing);
    this.#tallies.set(keyOf(pairing), found);
    return found;
  }

  #isWanted(job: Job): boolean {
    return !this.#options.draining.aborted && this.#isCompared(pairingOf(job));
  }

  /** The alias serves that version and is compared with the other one: by the journal, which is ahead of what is loaded. */
  #isCompared({ alias: name, served, role, tag }: Pairing): boolean {
    const alias = this.#options.registry.state.aliases.get(name);
    return alias?.tag === served && targetsOf(alias).some((target) => target.role === role && target.tag === tag);
  }

  /** What is compared no more is written down and forgotten. */
  async #endTallies(): Promise<void> {
    for (const tally of [...this.#tallies.values()].filter(({ pairing }) => !this.#isCompared(pairing))) {
      this.#tallies.delete(keyOf(tally.pairing));
      await this.#writeSummary(tally, true);
    }
  }

  /** Of a shadow; what a canary is compared for is in the figures of its analysis. */
  async #writeSummary(tally: PairTally, isLast: boolean): Promise<void> {
    const { alias, role, tag } = tally.pairing;
    const comparison = role === "shadow" ? tally.summary(isLast) : undefined;
    if (!comparison) return;
    const { registry, log } = this.#options;
    await registry.run("shadow", noteComparison(alias, tag, comparison), { isOwn: true }).catch((error: unknown) => {
      log.warn({ alias, version: tag, err: error }, "what came of a shadow was not written down");
    });
  }
}

function pairingOf({ mirrored, target: { role, tag } }: Job): Pairing {
  const { name, tag: served } = mirrored.parts.alias;
  return { alias: name, served, role, tag };
}

function keyOf({ alias, served, role, tag }: Pairing): string {
  return JSON.stringify([alias, served, role, tag]);
}

function pairOf({ text, firstTokenMs }: Mirrored, heard: ChatResult): Pair {
  invariant(firstTokenMs !== undefined, "an answer is compared when it has ended");
  return { agreement: agreementOf(text, heard.text), firstTokenMs: [firstTokenMs, heard.timings.firstTokenMs] };
}
