/**
 * Pictures that can be found: their vectors in an index, their texts in a lexicon, and what is kept of them on disk.
 *
 *   <folder>/collection.json          name, kind of index, the model that made the vectors, the generation; and a copy of it
 *   <folder>/entries-<generation>.log what was added and removed, in order (record-log.ts)
 *   <folder>/images-<generation>    small copies of the pictures, one behind the other
 *   <folder>/graph, graph.json        of an HNSW index, as far as it was saved
 *
 * Any process may read while one writes: before each use the log is read on from where it was left. Writers take turns by
 * a lock. What is damaged is left out and named (collection-health.ts); the rest can be used.
 */
import { OcellusError, Semaphore } from "../core/base/index.js";
import { withFolderLock } from "../core/fs/index.js";
import { type CollectionCheck, type LostRecords, throwIfDamaged, wholeImage } from "./collection-health.js";
import { type CollectionInfo, damagedInfoFiles, readInfo } from "./collection-info.js";
import type { Entry, NewEntry } from "./entry.js";
import { EntryStore } from "./entry-store.js";
import type { Hit, Query } from "./entry-table.js";
import { type PutEntry, planPut, putEntries } from "./put.js";
import { filterOf, type Where } from "./where.js";

export class Collection {
  readonly #store: EntryStore;
  readonly #lane = new Semaphore(1);

  private constructor(store: EntryStore) {
    this.#store = store;
  }

  /** @throws `not_found`, `invalid_file`, `unavailable` (an HNSW index where its library is missing), `io`. */
  static async open(folder: string): Promise<Collection> {
    const store = new EntryStore(folder, await readInfo(folder));
    await store.refresh();
    return new Collection(store);
  }

  get folder(): string {
    return this.#store.folder;
  }

  get info(): CollectionInfo {
    return this.#store.info;
  }

  get size(): number {
    return this.#store.table.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#store.table.entries();
  }

  /** @throws `not_found`. */
  entry(id: number): Entry {
    const found = this.#store.table.get(id);
    if (found) return found;
    throw new OcellusError("not_found", `${this.#store.info.name}: there is no entry ${id}`, {
      details: { param: "id" },
    });
  }

  /** Entries with the same pixels. */
  withPixels(pixels: string): Entry[] {
    return this.#store.table.withPixels(pixels);
  }

  ofSource(source: string): Entry[] {
    return this.#store.table.ofSource(source);
  }

  vector(id: number): Float32Array | undefined {
    return this.#store.table.index.vector(id);
  }

  /** Parts of the log that are damaged. */
  get lost(): readonly LostRecords[] {
    return this.#store.lost;
  }

  /** Which of `collection.json` and its copy are not as they were written. @throws `io`. */
  damagedInfoFiles(): Promise<string[]> {
    return damagedInfoFiles(this.folder, this.info);
  }

  /** Whether words can be looked for. */
  get hasTexts(): boolean {
    return this.#store.table.hasTexts;
  }

  /** Reads on what others have written. @throws as `open`. */
  async refresh(): Promise<void> {
    await this.#lane.run(() => this.#store.refresh());
  }

  /** Durable when it resolves; none of them when it fails, perhaps the first of them when the process is killed. @throws `invalid_request`, `too_large`, `io`. */
  async add(entries: readonly NewEntry[]): Promise<Entry[]> {
    return this.#write(() => this.#store.append(entries));
  }

  /**
   * As `add`, but in place of the entries with the same source and page, or with `whole` of all pages of these sources. What
   * is there with the same stamp stays: two that add the same at once add it once. In one write: no reader sees neither.
   * @throws as `add`.
   */
  put(news: readonly NewEntry[], { whole = false } = {}): Promise<PutEntry[]> {
    return this.#write(async () => {
      const { known, fresh, replaced } = planPut(news, this.#store.table, whole);
      const ids = replaced.map(({ id }) => id);
      if (fresh.length === 0) await this.#store.remove(ids);
      return putEntries(known, await this.#store.append(fresh, ids), replaced);
    });
  }

  /** How many were there. @throws `io`. */
  async remove(ids: readonly number[]): Promise<number> {
    return this.#write(() => this.#store.remove(ids));
  }

  /** Those that pass. @throws `invalid_request`, `io`. */
  async removeWhere(where: Where): Promise<number> {
    const isMeant = filterOf(where);
    if (Object.keys(where).length === 0)
      throw new OcellusError("invalid_request", "a removal by labels: expected a condition; none would mean all", {
        details: { param: "where" },
      });
    return this.#write(() => this.#store.remove([...this.entries()].filter(isMeant).map(({ id }) => id)));
  }

  /** Reads everything again from the disk, pictures too. @throws `invalid_file` (a missing log), `io`. */
  check(): Promise<CollectionCheck> {
    return this.#lane.run(async () => {
      await this.#store.refresh();
      return this.#check();
    });
  }

  /** Writes what is whole again, without what is damaged. Resolves to what was found. @throws as `check`. */
  repair(): Promise<CollectionCheck> {
    return this.#write(async () => {
      const found = await this.#check();
      if (found.lost.length > 0 || found.damagedImages.some(({ image }) => image.bytes > 0))
        await this.#store.rewrite();
      else if (found.damagedFiles.length > 0) await this.#store.writeInfo();
      return found;
    });
  }

  async #check(): Promise<CollectionCheck> {
    const damagedImages: Entry[] = [];
    for (const entry of this.entries())
      if (!(await wholeImage(this.#store.imagesPath, entry))) damagedImages.push(entry);
    const damagedFiles = await this.damagedInfoFiles();
    return { entries: this.size, lost: this.#store.lost, damagedImages, damagedFiles };
  }

  /** A copy as a collection of that name, whole. @throws `invalid_file` where something is damaged, `io`. */
  copyTo(folder: string, name: string): Promise<void> {
    return this.#lane.run(async () => {
      await this.#store.refresh();
      throwIfDamaged(this.folder, await this.#check());
      await this.#store.copyTo(folder, name);
    });
  }

  /** The best first; of all, or of these ids. @throws `invalid_request` for a vector of another length, or a filter that is none. */
  search(query: Query, among?: ReadonlySet<number>): Promise<Hit[]> {
    return this.#lane.run(() => this.#store.table.search(query, among)); // nothing changes meanwhile
  }

  /** The small copy of an entry's picture, WebP. @throws `not_found`, `invalid_file` (damaged), `io`. */
  async image(id: number): Promise<Uint8Array> {
    const path = this.#store.imagesPath;
    const image = await wholeImage(path, this.entry(id));
    if (image) return image;
    const message = `${path}: the image of entry ${id} is damaged; add it again`;
    throw new OcellusError("invalid_file", message, { details: { id } });
  }

  /** Bytes on disk, by their use. */
  bytes(): ReturnType<EntryStore["bytes"]> {
    return this.#store.bytes();
  }

  /** Saves what an index would take long to build again, if anything changed. */
  async save(): Promise<void> {
    if (!this.#store.isUnsaved) return;
    await this.#write(() => this.#store.save());
  }

  /** Lets one writer at a time see what the one before has written. */
  #write<T>(work: () => Promise<T>): Promise<T> {
    return this.#lane.run(() =>
      withFolderLock(this.folder, {}, async () => {
        await this.#store.refresh();
        return work();
      }),
    );
  }
}
