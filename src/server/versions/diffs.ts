/**
 * What differs between two versions of the registry. Versions do not change, so every answer is kept: headers and configs are
 * read when somebody asks, the values only when somebody says so, one pair at a time and in a thread beside the answers.
 */
import { LRUCache } from "lru-cache";
import { OcellusError, Semaphore } from "../../core/base/index.js";
import { diffCheckpoints } from "../../inspect/index.js";
import type { WireDiff, WireDiffValues } from "../../protocol/index.js";
import { type Registry, versionOf } from "../../rollout/index.js";
import { wireHeaders, wireValues } from "./wire-diff.js";

/** Some tens of kilobytes each. */
const maxKept = 32;

interface Kept {
  readonly tags: readonly [string, string];
  headers: Omit<WireDiff, "values">;
  values: WireDiffValues;
}

export class VersionDiffs {
  readonly #registry: Registry;
  /** By the digests of both; the last asked stands last. */
  readonly #kept = new LRUCache<string, Kept>({ max: maxKept });
  /** Headers of one pair are read at a time. */
  readonly #lane = new Semaphore(1);
  readonly #stop = new AbortController();
  #running: { readonly kept: Kept; readonly done: Promise<void> } | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** By headers and configs, with what is known of the values. @throws `not_found`, what reading a checkpoint throws. */
  async of(a: string, b: string): Promise<WireDiff> {
    const { headers, values } = await this.#find(a, b);
    return { ...headers, values };
  }

  /** Begins to read every value, unless that is done. @throws as `of`; `overloaded` while another pair is read. */
  async read(a: string, b: string): Promise<WireDiff> {
    const kept = await this.#find(a, b);
    if (this.#running && this.#running.kept !== kept) throw busy(this.#running.kept);
    if (!this.#running && kept.values.state !== "done") {
      kept.values = { state: "running", done_bytes: 0, total_bytes: 0 };
      this.#running = { kept, done: this.#readValues(kept) };
    }
    return { ...kept.headers, values: kept.values };
  }

  async #find(a: string, b: string): Promise<Kept> {
    const { state } = this.#registry;
    if (a === b) throw new OcellusError("invalid_request", `a and b: expected two versions, found ${a} twice`);
    const key = `${versionOf(state, a).digest} ${versionOf(state, b).digest}`;
    return this.#lane.run(async () => {
      const found = this.#kept.get(key) ?? (await this.#readHeaders(a, b));
      this.#kept.set(key, found);
      return found;
    }, this.#stop.signal);
  }

  async #readHeaders(a: string, b: string): Promise<Kept> {
    const found = await diffCheckpoints(...(await this.#folders(a, b)), { quick: true });
    return { tags: [a, b], headers: wireHeaders(a, b, found), values: { state: "unread" } };
  }

  /** Never throws: the problem is kept for the next request. */
  async #readValues(kept: Kept): Promise<void> {
    const { signal } = this.#stop;
    const [a, b] = kept.tags;
    const onProgress = (done_bytes: number, total_bytes: number) => {
      kept.values = { state: "running", done_bytes, total_bytes };
    };
    try {
      const folders = await this.#folders(a, b);
      const found = await diffCheckpoints(...folders, { threads: 1, apart: true, signal, onProgress });
      kept.headers = wireHeaders(a, b, found);
      kept.values = wireValues(found);
    } catch (error) {
      kept.values = { state: "failed", problem: (error as Error).message };
    } finally {
      this.#running = undefined;
    }
  }

  async #folders(a: string, b: string): Promise<[string, string]> {
    return [await this.#registry.folderOf(a), await this.#registry.folderOf(b)];
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running?.done;
  }
}

function busy({ tags: [a, b] }: Kept): OcellusError {
  return new OcellusError("overloaded", `${a} and ${b} are being compared value by value; try again when that is done`);
}
