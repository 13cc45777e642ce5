/**
 * The versions that this process has loaded, and how many requests hold each: none is closed before they have given it back. What
 * is only kept warm makes room for what is wanted.
 */
import type { LanguageModel } from "../../core/runtime/index.js";
import type { Lease, ProvidedModel } from "../model-provider.js";
import type { MemoryBudget } from "./memory-budget.js";

export interface LoadedModelsOptions {
  /** Opens and warms a version's folder. */
  readonly load: (tag: string, folder: string) => Promise<LanguageModel>;
  /** Absent: there is always room. */
  readonly memoryBudget?: MemoryBudget | undefined;
  readonly onClosed: (tag: string) => void;
}

/** By its tag. */
export type LoadedModel = ProvidedModel<LanguageModel>;

interface Loaded {
  readonly version: LoadedModel;
  /** As estimated. */
  readonly bytes: number;
  numLeases: number;
  /** When it was last wanted, by a clock that does not jump. */
  wantedAt: number;
}

export class LoadedModels {
  readonly #options: LoadedModelsOptions;
  readonly #loaded = new Map<string, Loaded>();

  constructor(options: LoadedModelsOptions) {
    this.#options = options;
  }

  get tags(): string[] {
    return [...this.#loaded.keys()];
  }

  get(tag: string): LoadedModel | undefined {
    return this.#loaded.get(tag)?.version;
  }

  /** @returns undefined for a version that is not loaded */
  lease(tag: string): Lease<LanguageModel> | undefined {
    const loaded = this.#loaded.get(tag);
    if (!loaded) return undefined;
    loaded.numLeases++;
    return {
      ...loaded.version,
      release: () => {
        loaded.numLeases--;
      },
    };
  }

  /** No request holds it. */
  isIdle(tag: string): boolean {
    return (this.#loaded.get(tag)?.numLeases ?? 0) === 0;
  }

  /** Bytes for one more version once these are closed, as far as they are loaded. */
  freeBytes(closed: readonly string[] = []): number {
    return (
      this.#options.memoryBudget?.freeBytes(this.#bytes(this.tags), this.#bytes(closed)) ?? Number.POSITIVE_INFINITY
    );
  }

  #bytes(tags: readonly string[]): number {
    return tags.reduce((sum, tag) => sum + (this.#loaded.get(tag)?.bytes ?? 0), 0);
  }

  /** Closes what no one wants or uses, the longest unwanted first, if that makes room. @returns whether there is room */
  async makeRoom(bytes: number, wanted: ReadonlySet<string>): Promise<boolean> {
    const wantedAt = (tag: string) => this.#loaded.get(tag)?.wantedAt ?? 0;
    const spare = this.tags.filter((tag) => !wanted.has(tag) && this.isIdle(tag));
    if (this.freeBytes(spare) < bytes) return false;
    for (const tag of spare.sort((a, b) => wantedAt(a) - wantedAt(b)))
      if (this.freeBytes() < bytes && this.isIdle(tag)) await this.close(tag);
    return true;
  }

  async load(tag: string, folder: string, bytes: number): Promise<void> {
    const model = await this.#options.load(tag, folder);
    const version = { id: tag, model, checkpoint: folder };
    this.#loaded.set(tag, { version, bytes, numLeases: 0, wantedAt: performance.now() });
  }

  /** Closes what no one has wanted for so long. */
  async sweep(wanted: ReadonlySet<string>, keepWarmMs: number): Promise<void> {
    const now = performance.now();
    for (const [tag, loaded] of this.#loaded) {
      if (wanted.has(tag)) loaded.wantedAt = now;
      else if (this.isIdle(tag) && now - loaded.wantedAt > keepWarmMs) await this.close(tag);
    }
  }

  async close(tag: string): Promise<void> {
    const loaded = this.#loaded.get(tag);
    if (!loaded) return;
    this.#loaded.delete(tag);
    await loaded.version.model.close();
    this.#options.onClosed(tag);
  }
}
