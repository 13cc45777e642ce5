/**
 * The versions that this process holds, following the registry: what an alias is to serve is loaded beside what it serves,
 * warmed, and only then asked; what is no longer wanted stays warm for a while, finishes its answers and goes.
 * Who asks for an alias gets the version that the registry's split gives, and keeps it for a whole conversation.
 */
import type { Logger } from "pino";
import { OcellusError } from "../../base/index.js";
import type { Guards } from "../../guard/index.js";
import { type Alias, type Registry, type RegistryState, type Resolution, resolveName } from "../../registry/index.js";
import { Gate } from "../gate.js";
import type { Assignment, ChatModel, ServedModel } from "../served.js";
import { Conversations } from "./conversations.js";

export interface FleetOptions {
  readonly registry: Registry;
  /** Opens and warms a version's folder. */
  readonly load: (tag: string, folder: string) => Promise<ChatModel>;
  /** Whether a version fits beside those that are loaded; if not, room is made first. Default: it does. */
  readonly fits?: (folder: string) => Promise<boolean>;
  readonly maxQueue: number;
  /** How long a version stays after the last alias has left it: the way back is then immediate. */
  readonly keepWarmMs: number;
  /** At the doors of all versions. */
  readonly guards: Guards;
  readonly log: Logger;
}

/** Who asks, as far as the split is concerned. */
export interface Asker {
  /** What the split is sticky for: a conversation, a user or a key. */
  readonly unit: string;
  /** The conversation, if the client names it. */
  readonly conversation?: string | undefined;
  /** An exact version, for testers. */
  readonly version?: string | undefined;
}

interface Loaded {
  readonly served: ServedModel;
  numAnswers: number;
  /** When it was last wanted. */
  wantedAt: number;
}

const sweepMs = 1000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #loaded = new Map<string, Loaded>();
  readonly #failed = new Map<string, string>();
  /** Aliases as they are served here: behind the registry while something loads. */
  readonly #serving = new Map<string, Alias>();
  readonly #conversations = new Conversations();
  readonly #listeners = new Set<() => void>();
  #settling: Promise<void> = Promise.resolve();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Loads what the aliases serve, and follows the registry from then on. */
  async start(): Promise<void> {
    const { registry, log } = this.#options;
    await registry.follow(
      () => void this.settle(),
      (error) => log.error({ err: error }, "the registry cannot be read; versions stay as they are"),
    );
    await this.settle();
    this.#sweeper = setInterval(() => void this.#sweep(), sweepMs).unref();
  }

  /** Calls back whenever what is served here has changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  get aliases(): readonly Alias[] {
    return [...this.#serving.values()];
  }

  get models(): readonly ServedModel[] {
    return [...this.#loaded.values()].map(({ served }) => served);
  }

  /** What could not be loaded, and why. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failed;
  }

  loaded(tag: string): ServedModel | undefined {
    return this.#loaded.get(tag)?.served;
  }

  /** A version that stays loaded until it is released; undefined where it is not loaded. For who is no client. */
  lease(tag: string): { readonly served: ServedModel; release(): void } | undefined {
    const loaded = this.#loaded.get(tag);
    if (!loaded) return undefined;
    loaded.numAnswers++;
    return { served: loaded.served, release: () => loaded.numAnswers-- };
  }

  /**
   * The version for one answer.
   * @returns undefined when neither an alias nor a version has that name
   * @throws `unavailable` for a version that is not loaded here
   */
  assign(name: string, asker: Asker): Assignment | undefined {
    const state = { ...this.#options.registry.state, aliases: this.#serving };
    const resolution = this.#resolve(state, name, asker);
    if (!resolution) return undefined;
    const loaded = this.#loaded.get(resolution.tag);
    if (!loaded) throw this.#notLoaded(resolution.tag);
    loaded.numAnswers++;
    return {
      served: loaded.served,
      resolution,
      alias: this.#serving.get(name),
      release: () => {
        loaded.numAnswers--;
      },
    };
  }

  #resolve(state: RegistryState, name: string, { unit, conversation, version }: Asker): Resolution | undefined {
    const alias = state.aliases.get(name);
    if (alias && version !== undefined)
      return { tag: version, alias: name, role: "named", reason: "asked for by the header x-ocellus-version" };
    const fresh = resolveName(state, name, unit);
    if (!alias || !fresh || conversation === undefined) return fresh;
    const kept = this.#conversations.tagOf(name, conversation);
    const isOpen = kept !== undefined && this.#loaded.has(kept) && mayGoOn(alias, kept);
    const tag = isOpen ? kept : fresh.tag;
    this.#conversations.keep(name, conversation, tag);
    if (tag === fresh.tag) return fresh;
    const role = tag === alias.canary?.tag ? "canary" : "stable";
    return { tag, alias: name, role, reason: "the version that this conversation began with" };
  }

  #notLoaded(tag: string): OcellusError {
    const problem = this.#failed.get(tag);
    const reason =
      problem === undefined ? "is not loaded here; deploy it, or shadow it" : `could not be loaded: ${problem}`;
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
    for (const alias of this.#options.registry.state.aliases.values()) {
      if (this.#serving.get(alias.name) === alias) continue;
      await this.#loadAll(alias);
      this.#adoptReady();
    }
  }

  /** What is loaded already is asked at once: a rollback waits for nothing, not even for another version's loading. */
  #adoptReady(): void {
    for (const alias of this.#options.registry.state.aliases.values()) {
      if (this.#serving.get(alias.name) === alias || !tagsOf(alias).every((tag) => this.#loaded.has(tag))) continue;
      this.#serving.set(alias.name, alias);
      for (const listener of this.#listeners) listener();
    }
  }

  async #loadAll(alias: Alias): Promise<void> {
    for (const tag of tagsOf(alias)) {
      if (this.#loaded.has(tag)) continue;
      const { log } = this.#options;
      const started = performance.now();
      try {
        await this.#load(tag);
        log.info({ version: tag, ms: Math.round(performance.now() - started) }, "version loaded");
      } catch (error) {
        this.#failed.set(tag, (error as Error).message);
        log.error({ version: tag, alias: alias.name, err: error }, "version not loaded; the one before goes on");
        return;
      }
    }
  }

  async #load(tag: string): Promise<void> {
    const { registry, load, fits, maxQueue, guards } = this.#options;
    const folder = await registry.folderOf(tag);
    if (fits && !(await fits(folder))) await this.#dropIdle();
    if (fits && !(await fits(folder)))
      throw new OcellusError("too_large", `${tag} does not fit into this machine's memory beside what it serves`);
    const model = guards.answering(await load(tag, folder), tag);
    const gate = new Gate({ maxRunning: Math.ceil(1.5 * model.info.maxSequences), maxQueue });
    const served: ServedModel = { kind: "chat", id: tag, checkpoint: folder, model, gate };
    this.#loaded.set(tag, { served, numAnswers: 0, wantedAt: Date.now() });
    this.#failed.delete(tag);
  }

  /** What is only kept warm makes room. */
  async #dropIdle(): Promise<void> {
    const wanted = this.#wanted();
    for (const [tag, { numAnswers }] of this.#loaded) if (!wanted.has(tag) && numAnswers === 0) await this.#drop(tag);
  }

  #wanted(): Set<string> {
    const aliases = [...this.#options.registry.state.aliases.values(), ...this.#serving.values()];
    return new Set(aliases.flatMap((alias) => tagsOf(alias)));
  }

  async #sweep(): Promise<void> {
    const wanted = this.#wanted();
    const now = Date.now();
    for (const [tag, loaded] of this.#loaded) {
      if (wanted.has(tag)) loaded.wantedAt = now;
      else if (loaded.numAnswers === 0 && now - loaded.wantedAt > this.#options.keepWarmMs) await this.#drop(tag);
    }
  }

  async #drop(tag: string): Promise<void> {
    const loaded = this.#loaded.get(tag);
    this.#loaded.delete(tag);
    await loaded?.served.model.close();
    this.#options.log.info({ version: tag }, "version closed");
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#settling;
    for (const tag of [...this.#loaded.keys()]) await this.#drop(tag);
  }
}

function tagsOf({ tag, canary, shadow }: Alias): string[] {
  return [tag, canary?.tag, shadow].filter((wanted) => wanted !== undefined);
}

/** A conversation goes on with the version it began with, unless that was found to be bad. */
function mayGoOn({ tag, canary, previous }: Alias, kept: string): boolean {
  return kept === tag || kept === canary?.tag || previous.includes(kept);
}
