/**
 * The versions that this process has loaded, each with its place at a gate and those who hold it: none is closed under anybody. What
 * is only kept warm makes room for what is wanted.
 */
import type { Guards } from "../../guardrails/index.js";
import { AdmissionQueue } from "../admission-queue.js";
import type { ChatModel, ServedModel } from "../served.js";
import type { Room } from "./room.js";

export interface LoadedModelsOptions {
  /** Opens and warms a version's folder. */
  readonly load: (tag: string, folder: string) => Promise<ChatModel>;
  /** Absent: there is always room. */
  readonly room?: Room | undefined;
  readonly maxQueue: number;
  /** At the doors of all versions. */
  readonly guards: Guards;
  readonly onClosed: (tag: string) => void;
}

/** A version that is not closed until it is given back. */
export interface Lease {
  readonly served: ServedModel;
  /** To be called once. */
  release(): void;
}

interface Loaded {
  readonly served: ServedModel;
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

  get(tag: string): ServedModel | undefined {
    return this.#loaded.get(tag)?.served;
  }

  /** @returns undefined for a version that is not loaded */
  lease(tag: string): Lease | undefined {
    const loaded = this.#loaded.get(tag);
    if (!loaded) return undefined;
    loaded.numLeases++;
    return {
      served: loaded.served,
      release: () => {
        loaded.numLeases--;
      },
    };
  }

  /** Nobody holds it, and nobody is at its gate: vectors of pictures are asked for without a lease. */
  isIdle(tag: string): boolean {
    const loaded = this.#loaded.get(tag);
    if (!loaded) return true;
    const { running, waiting } = loaded.served.gate.stats;
    return loaded.numLeases === 0 && running + waiting === 0;
  }

  /** Bytes for one more version once these are closed, as far as they are loaded. */
  freeBytes(closed: readonly string[] = []): number {
    return this.#options.room?.freeBytes(this.#bytes(this.tags), this.#bytes(closed)) ?? Number.POSITIVE_INFINITY;
  }

  #bytes(tags: readonly string[]): number {
    return tags.reduce((sum, tag) => sum + (this.#loaded.get(tag)?.bytes ?? 0), 0);
  }

  /** Closes what nobody wants or uses, the longest unwanted first, if that makes room. @returns whether there is room */
  async makeRoom(bytes: number, wanted: ReadonlySet<string>): Promise<boolean> {
    const wantedAt = (tag: string) => this.#loaded.get(tag)?.wantedAt ?? 0;
    const spare = this.tags.filter((tag) => !wanted.has(tag) && this.isIdle(tag));
    if (this.freeBytes(spare) < bytes) return false;
    for (const tag of spare.sort((a, b) => wantedAt(a) - wantedAt(b)))
      if (this.freeBytes() < bytes && this.isIdle(tag)) await this.close(tag);
    return true;
  }

  async load(tag: string, folder: string, bytes: number): Promise<void> {
    const { load, maxQueue, guards } = this.#options;
    const model = guards.answering(await load(tag, folder), tag);
    const gate = new AdmissionQueue({ maxRunning: Math.ceil(1.5 * model.info.maxSequences), maxQueue });
    const served: ServedModel = { kind: "chat", id: tag, checkpoint: folder, model, gate };
    this.#loaded.set(tag, { served, bytes, numLeases: 0, wantedAt: performance.now() });
  }

  /** Closes what nobody has wanted for so long. */
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
    await loaded.served.model.close();
    this.#options.onClosed(tag);
  }
}
