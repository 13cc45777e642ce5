/**
 * How a version comes into memory: beside what is loaded where there is room, else in its place. The second is a swap: requests
 * wait while the running answers end, the old version is closed and the new one opened; if it cannot be, the old one comes back.
 */
import { OcellusError } from "../../core/base/index.js";
import type { Alias, Registry } from "../../rollout/index.js";
import type { LoadedModels } from "./loaded-models.js";
import type { MemoryBudget } from "./memory-budget.js";
import { SwapQueue } from "./swap-queue.js";

export interface LoaderOptions {
  readonly registry: Registry;
  /** Absent: there is always room. */
  readonly memoryBudget?: MemoryBudget | undefined;
  /** What can be done for a version before others make room for it. @throws when it must not be loaded */
  readonly prepare?: (tag: string, folder: string) => Promise<void>;
  readonly maxQueue: number;
  /** How long answers of a version may continue that must make room for another one. Default 30 s. */
  readonly drainMs?: number;
}

/** What the aliases want; all of it may change while something loads. */
export interface Wishes {
  /** The versions that aliases serve here or are to serve; of all, or of all others. */
  wanted(except?: string): ReadonlySet<string>;
  serving(name: string): Alias | undefined;
  /** A version is there, or about to be: told in words. */
  say(alias: Alias, state: "loading" | "loaded", words: string): void;
  /** A swap is done: the version is served before anybody who waits continues. */
  adopt(alias: Alias): void;
  /** A version of what was served before could not be loaded again. */
  lost(alias: Alias, tag: string, error: unknown): void;
}

/** A version before it is loaded. */
interface Unloaded {
  readonly tag: string;
  readonly folder: string;
  /** That it takes, as estimated; 0 where no one counts. */
  readonly bytes: number;
}

/** How often a version that drains is looked at. */
const drainLookMs = 10;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #loadedModels: LoadedModels;
  readonly #wishes: Wishes;
  #swapQueue: SwapQueue | undefined;

  constructor(options: LoaderOptions, loadedModels: LoadedModels, wishes: Wishes) {
    this.#options = options;
    this.#loadedModels = loadedModels;
    this.#wishes = wishes;
  }

  /** The queue in front of a version that is being swapped out. */
  swapQueueOf(tag: string): SwapQueue | undefined {
    return this.#swapQueue?.tags.has(tag) ? this.#swapQueue : undefined;
  }

  /** @throws `NoRoom` where there is none and none could be made, as `load` */
  async bring(alias: Alias, tag: string): Promise<void> {
    const version = await this.#unloaded(tag);
    await this.#options.prepare?.(tag, version.folder);
    const isAlone = this.#loadedModels.tags.length === 0; // an estimate keeps no one from his only version
    if (isAlone || (await this.#loadedModels.makeRoom(version.bytes, this.#wishes.wanted())))
      return this.#loadBeside(alias, version);
    await this.#swap(alias, version).catch((cause: unknown) => {
      throw new NoRoom(cause);
    });
  }

  /** @throws `too_large` for a version that cannot be tried beside what an alias serves */
  async checkMemory(name: string, tag: string): Promise<void> {
    const alias = this.#wishes.serving(name);
    if (!this.#options.memoryBudget || !alias || this.#loadedModels.get(tag)) return;
    await this.#options.registry.refresh(); // it may have been published just now
    const version = await this.#unloaded(tag);
    if (this.#loadedModels.freeBytes(this.#tagsOutside(this.#wishes.wanted())) < version.bytes)
      throw await this.#refusal(alias, version, this.#wishes.wanted());
  }

  async #unloaded(tag: string): Promise<Unloaded> {
    const { registry, memoryBudget } = this.#options;
    const folder = await registry.folderOf(tag);
    return { tag, folder, bytes: (await memoryBudget?.bytesOf(folder)) ?? 0 };
  }

  async #loadBeside(alias: Alias, { tag, folder, bytes }: Unloaded): Promise<void> {
    const others = this.#loadedModels.tags;
    const where = others.length === 0 ? "by itself" : `beside ${others.join(", ")}`;
    this.#wishes.say(alias, "loading", `${tag} is loaded ${where}`);
    const started = performance.now();
    await this.#loadedModels.load(tag, folder, bytes);
    this.#wishes.say(alias, "loaded", `${tag} was loaded ${where} in ${secondsSince(started)}`);
  }

  async #swap(alias: Alias, version: Unloaded): Promise<void> {
    const served = this.#wishes.serving(alias.name);
    if (version.tag !== alias.tag || !served) throw await this.#refusal(alias, version, this.#wishes.wanted());
    const closed = this.#tagsOutside(this.#wishes.wanted(alias.name));
    if (this.#loadedModels.freeBytes(closed) < version.bytes)
      throw await this.#refusal(alias, version, this.#wishes.wanted(alias.name));
    this.#wishes.say(alias, "loading", `${version.tag} takes the place of ${closed.join(", ")}`);
    const started = performance.now();
    const swapQueue = new SwapQueue(closed, this.#options.maxQueue);
    this.#swapQueue = swapQueue;
    try {
      await this.#drain(closed);
      this.#checkStillRight(alias, closed);
      for (const tag of closed) await this.#loadedModels.close(tag);
      await this.#loadOrReopen(version, served);
      const waited = `${swapQueue.numWaiting} requests waited`;
      const way = `${version.tag} took the place of ${closed.join(", ")} in ${secondsSince(started)}; ${waited}`;
      this.#wishes.say(alias, "loaded", way);
      this.#wishes.adopt(alias);
    } finally {
      this.#swapQueue = undefined;
      await swapQueue.release();
    }
  }

  async #drain(tags: readonly string[]): Promise<void> {
    const { drainMs = 30_000 } = this.#options;
    const until = performance.now() + drainMs;
    while (!tags.every((tag) => this.#loadedModels.isIdle(tag))) {
      if (performance.now() > until)
        throw new OcellusError(
          "timeout",
          `answers of ${tags.join(", ")} were still being written after ${drainMs / 1000} s (--drain-ms); try again`,
        );
      await new Promise((resolve) => setTimeout(resolve, drainLookMs));
    }
  }

  #checkStillRight(alias: Alias, closed: readonly string[]): void {
    const wanted = this.#wishes.wanted(alias.name);
    const isRight = this.#options.registry.state.aliases.get(alias.name) === alias;
    if (isRight && !closed.some((tag) => wanted.has(tag))) return;
    throw new OcellusError("unavailable", `what is to be served has changed while ${closed.join(", ")} was drained`);
  }

  async #loadOrReopen({ tag, folder, bytes }: Unloaded, before: Alias): Promise<void> {
    try {
      await this.#loadedModels.load(tag, folder, bytes);
    } catch (reason) {
      for (const old of tagsOf(before)) await this.#reopen(before, old);
      throw reason;
    }
  }

  async #reopen(alias: Alias, tag: string): Promise<void> {
    try {
      const { folder, bytes } = await this.#unloaded(tag);
      await this.#options.prepare?.(tag, folder); // its files may have changed since it was first loaded
      await this.#loadedModels.load(tag, folder, bytes);
    } catch (error) {
      this.#wishes.lost(alias, tag, error);
    }
  }

  #tagsOutside(wanted: ReadonlySet<string>): string[] {
    return this.#loadedModels.tags.filter((tag) => !wanted.has(tag));
  }

  #refusal(alias: Alias, version: Unloaded, wanted: ReadonlySet<string>): Promise<OcellusError> {
    const kept = this.#loadedModels.tags.filter((other) => wanted.has(other));
    const freeBytes = this.#loadedModels.freeBytes(this.#tagsOutside(wanted));
    const closed = this.#tagsOutside(this.#wishes.wanted(alias.name));
    const canSwap = version.tag !== alias.tag && this.#loadedModels.freeBytes(closed) >= version.bytes;
    const deploy = `\`ocellus rollout deploy ${alias.name} ${version.tag}\``;
    const advice = canSwap ? `${deploy} would put it in the place of ${closed.join(", ")}` : undefined;
    return this.#options.memoryBudget!.refusal({ ...version, kept, freeBytes, advice });
  }
}

/** There was no room beside what is loaded, and what was tried in its place did not work either. */
export class NoRoom extends Error {
  constructor(cause: unknown) {
    super((cause as Error).message, { cause });
  }
}

/** All versions that an alias needs. */
export function tagsOf({ tag, canary, shadow }: Alias): string[] {
  return [tag, canary?.tag, shadow].filter((wanted) => wanted !== undefined);
}

function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
