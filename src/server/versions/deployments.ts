/**
 * The versions that this process holds, following the registry: what an alias is to serve is loaded beside what it serves,
 * warmed, and only then asked; what is no longer wanted stays warm for a while, finishes its answers and goes.
 * Who asks for an alias gets the version that the registry's split gives, and keeps it for a whole conversation.
 */
import type { Logger } from "pino";
import { OcellusError } from "../../core/base/index.js";
import type { LanguageModel } from "../../core/runtime/index.js";
import {
  type Alias,
  endShadow,
  ifAsSeen,
  markOf,
  type RegistryCommand,
  type RegistryState,
  type Resolution,
  resolveName,
  returnTo,
  rollBack,
} from "../../rollout/index.js";
import type { Caller, Lease, ListedModel, ModelProvider } from "../model-provider.js";
import { Conversations } from "./conversations.js";
import { type LoadedModel, LoadedModels, type LoadedModelsOptions } from "./loaded-models.js";
import { Loader, type LoaderOptions, NoRoom, tagsOf } from "./loader.js";
import { Reporter } from "./reporter.js";

export interface DeploymentsOptions extends Omit<LoadedModelsOptions, "onClosed">, LoaderOptions {
  /** How long a version stays after the last alias has left it: the way back is then immediate. */
  readonly keepWarmMs: number;
  readonly log: Logger;
}

const sweepMs = 1000;
/** To whom the history ascribes what a server has taken back. */
const actor = "server";
/** Of the journal's. */
const maxReason = 4000;

export class Deployments implements ModelProvider {
  readonly #options: DeploymentsOptions;
  readonly #loadedModels: LoadedModels;
  readonly #loader: Loader;
  readonly #reporter: Reporter;
  /** How an alias came to its versions, until it serves them. */
  readonly #ways = new Map<string, string[]>();
  readonly #failed = new Map<string, string>();
  /** Aliases as they are served here: behind the registry while something loads. */
  readonly #serving = new Map<string, Alias>();
  readonly #conversations = new Conversations();
  readonly #listeners = new Set<() => void>();
  #settling: Promise<void> = Promise.resolve();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: DeploymentsOptions) {
    this.#options = options;
    const { log } = options;
    this.#loadedModels = new LoadedModels({
      ...options,
      onClosed: (tag) => log.info({ version: tag }, "version closed"),
    });
    this.#loader = new Loader(options, this.#loadedModels, {
      wanted: (except) => this.#wanted(except),
      serving: (name) => this.#serving.get(name),
      say: (alias, state, words) => this.#say(alias, state, words),
      adopt: (alias) => this.#adoptStable(alias),
      lost: (alias, version, err) => log.error({ alias: alias.name, version, err }, "the version before is not back"),
    });
    this.#reporter = new Reporter(options.registry, options.log);
  }

  /** Loads what the aliases serve, and follows the registry from then on. */
  async start(): Promise<void> {
    const { registry, log } = this.#options;
    this.#reporter.start();
    await registry.follow(
      () => void this.settle(),
      (error) => log.error({ err: error }, "the registry cannot be read; versions stay as they are"),
    );
    await this.settle();
    const sweep = () => void this.#loadedModels.sweep(this.#wanted(), this.#options.keepWarmMs);
    this.#sweeper = setInterval(sweep, sweepMs).unref();
  }

  /** Calls back whenever what is served here has changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  get aliases(): readonly Alias[] {
    return [...this.#serving.values()];
  }

  /** Aliases, then versions. */
  list(): readonly ListedModel<LanguageModel>[] {
    const aliases = this.aliases.flatMap(({ name, tag }) => {
      const loaded = this.#loadedModels.get(tag);
      return loaded ? [{ ...loaded, name }] : [];
    });
    return [...aliases, ...this.#loadedModels.tags.map((tag) => this.#loadedModels.get(tag)!)];
  }

  /** What could not be loaded, and why. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failed;
  }

  loaded(tag: string): LoadedModel | undefined {
    return this.#loadedModels.get(tag);
  }

  /** Keeps a version open, for who is no client. @returns undefined for one that is not loaded here, or is being swapped out */
  lease(tag: string): Lease<LanguageModel> | undefined {
    return this.#loader.swapQueueOf(tag) ? undefined : this.#loadedModels.lease(tag);
  }

  /**
   * The version for one request; while versions are swapped, the request waits for what comes of it.
   * @returns undefined when neither an alias nor a version has that name
   * @throws `unavailable` for a version that is not loaded here; `overloaded`, `aborted` while it waits
   */
  async resolve(name: string, caller: Caller): Promise<Lease<LanguageModel> | undefined> {
    const unit = unitOf(caller);
    for (;;) {
      const state = { ...this.#options.registry.state, aliases: this.#serving };
      const isDrawn = this.#isDrawn(state.aliases.get(name), caller); // before the conversation is kept
      const resolution = this.#choose(state, name, caller);
      if (!resolution) return undefined;
      const { tag } = resolution;
      const swapQueue = this.#loader.swapQueueOf(tag);
      const lease = this.lease(tag);
      const alias = this.#serving.get(name);
      if (lease) return { ...lease, assignment: { resolution, alias, mark: markOf(name, unit), isDrawn } };
      if (!swapQueue) throw this.#notLoaded(tag);
      await swapQueue.wait(caller);
    }
  }

  /** Whether an alias's split at its present share decides: that a conversation is older is so whichever version it has. */
  #isDrawn(alias: Alias | undefined, { conversation, version }: Caller): boolean {
    if (!alias?.canary || version !== undefined) return false;
    if (conversation === undefined) return true;
    const begun = this.#conversations.find(alias.name, conversation);
    return begun === undefined || begun.stepSeq === alias.canary.stepSeq;
  }

  #choose(state: RegistryState, name: string, caller: Caller): Resolution | undefined {
    const { conversation, version } = caller;
    const alias = state.aliases.get(name);
    if (alias && version !== undefined)
      return { tag: version, alias: name, role: "named", reason: "asked for by the header x-ocellus-version" };
    const fresh = resolveName(state, name, unitOf(caller));
    if (!alias || !fresh || conversation === undefined) return fresh;
    const begun = this.#conversations.find(name, conversation);
    const kept = begun?.tag;
    const isOpen = kept !== undefined && this.#loadedModels.get(kept) !== undefined && mayGoOn(alias, kept);
    const tag = isOpen ? kept : fresh.tag;
    this.#conversations.keep(name, conversation, { tag, stepSeq: begun ? begun.stepSeq : alias.canary?.stepSeq });
    if (tag === fresh.tag) return fresh;
    const role = tag === alias.canary?.tag ? "canary" : "stable";
    return { tag, alias: name, role, reason: "the version that this conversation began with" };
  }

  /** Why it could not be loaded is the operator's to read (log, /admin/v1, which has `problem`): it may name paths. */
  #notLoaded(tag: string): OcellusError {
    const reason = this.#failed.has(tag)
      ? "could not be loaded; the server's log says why"
      : "is not loaded here; deploy it, or shadow it";
    return new OcellusError("unavailable", `the version ${tag} ${reason}`, { details: { param: "model" } });
  }

  /** Brings what is loaded into line with the registry; calls while it works are one more round. */
  settle(): Promise<void> {
    this.#adoptReady();
    this.#settling = this.#settling
      .then(() => this.#settle())
      .catch((error: unknown) => {
        this.#options.log.error({ err: error }, "versions stay as they are");
      });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    const { registry } = this.#options;
    for (const name of registry.state.aliases.keys()) {
      const alias = registry.state.aliases.get(name)!;
      if (this.#serving.get(name) === alias) continue;
      await this.#bringAll(alias);
      this.#adoptReady();
    }
  }

  /** What is loaded already is asked at once: a rollback waits for nothing, not even for another version's loading. */
  #adoptReady(): void {
    for (const alias of this.#options.registry.state.aliases.values()) {
      if (this.#serving.get(alias.name) === alias || !tagsOf(alias).every((tag) => this.#loadedModels.get(tag)))
        continue;
      this.#adopt(alias);
    }
  }

  #adopt(alias: Alias): void {
    const { name } = alias;
    this.#serving.set(name, alias);
    this.#reporter.say(name, "serving", this.#ways.get(name)?.join("; ") ?? "was loaded already");
    this.#ways.delete(name);
    for (const listener of this.#listeners) listener();
  }

  /** Without a canary or a shadow that is not there, or not yet. */
  #adoptStable(alias: Alias): void {
    const isWhole = tagsOf(alias).every((tag) => this.#loadedModels.get(tag));
    this.#adopt(isWhole ? alias : { ...alias, canary: undefined, shadow: undefined });
  }

  async #bringAll(alias: Alias): Promise<void> {
    this.#ways.delete(alias.name);
    for (const tag of tagsOf(alias)) {
      if (!this.#loadedModels.get(tag) && !(await this.#bring(alias, tag))) return;
      if (!this.#serving.has(alias.name)) this.#adoptStable(alias); // a trial keeps no one waiting
    }
  }

  /** @returns whether it is there */
  async #bring(alias: Alias, tag: string): Promise<boolean> {
    this.#reporter.say(alias.name, "loading", `${tag} is being prepared`);
    try {
      await this.#loader.bring(alias, tag);
      this.#failed.delete(tag);
      return true;
    } catch (error) {
      const { message } = error as Error;
      this.#failed.set(tag, message);
      this.#reporter.say(alias.name, "failed", `${tag}: ${message}`);
      const err = error instanceof NoRoom ? error.cause : error;
      this.#options.log.error({ version: tag, alias: alias.name, err }, "version not loaded; the one before goes on");
      if (error instanceof NoRoom) await this.#takeBack(alias, tag, message);
      return false;
    }
  }

  #say({ name }: Alias, state: "loading" | "loaded", words: string): void {
    this.#options.log.info({ alias: name }, words);
    if (state === "loaded") this.#ways.set(name, [...(this.#ways.get(name) ?? []), words]);
    else this.#reporter.say(name, "loading", words);
  }

  /** @throws `too_large` for a version that cannot be tried beside what an alias serves */
  checkMemory(name: string, tag: string): Promise<void> {
    return this.#loader.checkMemory(name, tag);
  }

  /** What there is no room for is taken back, with the reason: it would be tried again at every change. */
  async #takeBack(alias: Alias, tag: string, message: string): Promise<void> {
    const { registry, log } = this.#options;
    const command = this.#without(tag, alias, message.slice(0, maxReason));
    if (!command) return;
    const { name, tag: version, canary, shadow = null } = alias;
    const seen = { version, canary: canary?.tag ?? null, shadow };
    await registry.run(actor, ifAsSeen(name, seen, command), { isOwn: true }).catch((error: unknown) => {
      log.warn({ alias: alias.name, version: tag, err: error }, "a version without room was not taken back");
    });
  }

  #without(tag: string, { name, canary, ...alias }: Alias, reason: string): RegistryCommand | undefined {
    if (tag === canary?.tag) return rollBack(name, { reason });
    if (tag !== alias.tag) return endShadow(name);
    const before = this.#serving.get(name);
    return before && returnTo(name, before.tag, { reason });
  }

  /** The versions that aliases serve here or are to serve; of all, or of all others. */
  #wanted(except?: string): Set<string> {
    const aliases = [...this.#options.registry.state.aliases.values(), ...this.#serving.values()];
    return new Set(aliases.filter(({ name }) => name !== except).flatMap((alias) => tagsOf(alias)));
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#settling;
    for (const tag of this.#loadedModels.tags) await this.#loadedModels.close(tag);
    await this.#reporter.close();
  }
}

/** What the split is sticky for: a conversation, a user or a key. */
function unitOf({ conversation, owner, user }: Caller): string {
  return conversation ?? (user === undefined ? owner : `${owner} ${user}`);
}

/** A conversation continues with the version it began with, unless that was found to be bad. */
function mayGoOn({ tag, canary, previous, turnedBack = [] }: Alias, kept: string): boolean {
  return kept === tag || kept === canary?.tag || (previous.includes(kept) && !turnedBack.includes(kept));
}
