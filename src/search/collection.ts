/**
 * Pictures that can be found: their vectors in an index, their texts in a lexicon, and what is kept of them on disk.
 *
 *   <folder>/collection.json          name, kind of index, the model that made the vectors, the generation
 *   <folder>/entries-<generation>.log what was added and removed, in order (record-log.ts)
 *   <folder>/pictures-<generation>    small copies of the pictures, one behind the other
 *   <folder>/graph, graph.json        of an HNSW index, as far as it was saved
 *
 * Any process may read while one writes: before each use the log is read on from where it was left. Writers take turns by
 * a lock. When most of the log is about removed entries it is written again under the next generation. What is damaged is
 * left out and named (collection-health.ts); the rest can be used.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Lane, OcellusError } from "../base/index.js";
import { encodeLogRecord, type LogDamage, type LogRecord, readLog, withFolderLock } from "../checkpoint/index.js";
import { append, type CollectionInfo, digestOf, fileOf, presentSize, readInfo, sizeOf } from "./collection-files.js";
import {
  type CollectionCheck,
  type LostRecords,
  lostIn,
  mostRecordsIn,
  throwIfDamaged,
  wholePicture,
} from "./collection-health.js";
import { type Contents, writeCollection } from "./collection-writer.js";
import { type Entry, entrySchema, type NewEntry } from "./entry.js";
import { EntryTable, type Hit, type Query } from "./entry-table.js";
import { ExactIndex } from "./exact-index.js";
import { HnswIndex } from "./hnsw-index.js";
import { type PutEntry, planPut, putEntries } from "./put.js";
import { Rows } from "./rows.js";
import { checkVector } from "./vector-index.js";
import { filterOf, type Where } from "./where.js";

/** In memory: two gigabytes of vectors at 512 dimensions. More is a job for a database. */
const maxEntries = 1_000_000;
/** A log is written again when it has more removed entries than others, and enough of them to be worth it. */
const fewestRemoved = 1000;
/** A killed process leaves as many to be put into the graph again: seconds. */
const mostUnsaved = 10_000;

const removalSchema = z.object({ removed: z.array(z.number().int()) });

export class Collection {
  readonly folder: string;
  #info: CollectionInfo;
  #table: EntryTable;
  /** Where the known part of the log ends. */
  #position = 0;
  #unsaved = 0;
  #isLoaded = false;
  #lost: LostRecords[] = [];
  readonly #lane = new Lane(1);

  private constructor(folder: string, info: CollectionInfo) {
    this.folder = folder;
    this.#info = info;
    this.#table = new EntryTable(new ExactIndex(new Rows(info.model.dimensions)));
  }

  /** @throws `not_found`, `invalid_file`, `unavailable` (an HNSW index where its library is missing), `io`. */
  static async open(folder: string): Promise<Collection> {
    const collection = new Collection(folder, await readInfo(folder));
    await collection.#refresh();
    return collection;
  }

  get info(): CollectionInfo {
    return this.#info;
  }

  get size(): number {
    return this.#table.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#table.entries();
  }

  /** @throws `not_found`. */
  entry(id: number): Entry {
    const found = this.#table.get(id);
    if (found) return found;
    throw new OcellusError("not_found", `${this.#info.name}: there is no entry ${id}`, { details: { param: "id" } });
  }

  /** Entries with the same pixels. */
  withPixels(pixels: string): Entry[] {
    return this.#table.withPixels(pixels);
  }

  ofSource(source: string): Entry[] {
    return this.#table.ofSource(source);
  }

  vector(id: number): Float32Array | undefined {
    return this.#table.index.vector(id);
  }

  /** Parts of the log that are damaged. */
  get lost(): readonly LostRecords[] {
    return this.#lost;
  }

  /** Whether words can be looked for. */
  get hasTexts(): boolean {
    return this.#table.hasTexts;
  }

  /** Reads on what others have written. @throws as `open`. */
  async refresh(): Promise<void> {
    await this.#lane.run(() => this.#refresh());
  }

  /** Durable when it resolves; none of them when it fails, perhaps the first of them when the process is killed. @throws `invalid_request`, `too_large`, `io`. */
  async add(entries: readonly NewEntry[]): Promise<Entry[]> {
    return this.#write(() => this.#append(entries));
  }

  /**
   * As `add`, but in place of the entries with the same source and page, or with `whole` of all pages of these sources. What
   * is there with the same stamp stays: two that add the same at once add it once. In one write: no reader sees neither.
   * @throws as `add`.
   */
  put(news: readonly NewEntry[], { whole = false } = {}): Promise<PutEntry[]> {
    return this.#write(async () => {
      const { known, fresh, replaced } = planPut(news, this.#table, whole);
      const ids = replaced.map(({ id }) => id);
      if (fresh.length === 0) await this.#remove(ids);
      return putEntries(known, await this.#append(fresh, ids), replaced);
    });
  }

  /** How many were there. @throws `io`. */
  async remove(ids: readonly number[]): Promise<number> {
    return this.#write(() => this.#remove(ids));
  }

  /** Those that pass. @throws `invalid_request`, `io`. */
  async removeWhere(where: Where): Promise<number> {
    const isMeant = filterOf(where);
    if (Object.keys(where).length === 0)
      throw new OcellusError("invalid_request", "a removal by labels: expected a condition; none would mean all", {
        details: { param: "where" },
      });
    return this.#write(() => this.#remove([...this.entries()].filter(isMeant).map(({ id }) => id)));
  }

  async #remove(ids: readonly number[]): Promise<number> {
    const present = [...new Set(ids)].filter((id) => this.#table.get(id));
    if (present.length === 0) return 0;
    await this.#appendLog([encodeLogRecord({ removed: present })]);
    this.#forget(present);
    await this.#tidy();
    return present.length;
  }

  /** Reads everything again from the disk, pictures too. @throws `invalid_file` (a missing log), `io`. */
  check(): Promise<CollectionCheck> {
    return this.#lane.run(async () => {
      await this.#refresh();
      return this.#check();
    });
  }

  /** Writes what is whole again, without what is damaged. Resolves to what was found. @throws as `check`. */
  repair(): Promise<CollectionCheck> {
    return this.#write(async () => {
      const found = await this.#check();
      if (found.lost.length > 0 || found.damagedPictures.some(({ picture }) => picture.bytes > 0))
        await this.#rewrite();
      return found;
    });
  }

  async #check(): Promise<CollectionCheck> {
    const damagedPictures: Entry[] = [];
    for (const entry of this.entries())
      if (!(await wholePicture(this.#path("pictures"), entry))) damagedPictures.push(entry);
    return { entries: this.size, lost: this.#lost, damagedPictures };
  }

  /** A copy as a collection of that name, whole. @throws `invalid_file` where something is damaged, `io`. */
  copyTo(folder: string, name: string): Promise<void> {
    return this.#lane.run(async () => {
      await this.#refresh();
      throwIfDamaged(this.folder, await this.#check());
      await writeCollection(folder, { ...this.#info, name, generation: 1 }, this.#contents());
      await this.#table.index.save(join(folder, "graph"));
    });
  }

  /** The best first; of all, or of these ids. @throws `invalid_request` for a vector of another length, or a filter that is none. */
  search(query: Query, among?: ReadonlySet<number>): Promise<Hit[]> {
    return this.#lane.run(() => this.#table.search(query, among)); // nothing changes meanwhile
  }

  /** The small copy of an entry's picture, WebP. @throws `not_found`, `invalid_file` (damaged), `io`. */
  async picture(id: number): Promise<Uint8Array> {
    const path = this.#path("pictures");
    const picture = await wholePicture(path, this.entry(id));
    if (picture) return picture;
    const message = `${path}: the picture of entry ${id} is damaged; add it again`;
    throw new OcellusError("invalid_file", message, { details: { id } });
  }

  /** Bytes on disk, by their use. */
  async bytes(): Promise<{ entries: number; pictures: number; graph: number }> {
    const [entries, pictures, graph] = await Promise.all(
      [this.#path("entries"), this.#path("pictures"), this.#graphPath].map((path) => sizeOf(path)),
    );
    return { entries: entries!, pictures: pictures!, graph: graph! };
  }

  /** Saves what an index would take long to build again, if anything changed. */
  async save(): Promise<void> {
    if (this.#unsaved === 0) return;
    await this.#write(() => this.#save());
  }

  async #save(): Promise<void> {
    await this.#table.index.save(this.#graphPath);
    this.#unsaved = 0;
  }

  /** Lets one writer at a time see what the one before has written. */
  #write<T>(work: () => Promise<T>): Promise<T> {
    return this.#lane.run(() =>
      withFolderLock(this.folder, {}, async () => {
        await this.#refresh();
        return work();
      }),
    );
  }

  async #refresh(): Promise<void> {
    for (;;) {
      const info = await readInfo(this.folder);
      try {
        return await this.#follow(info);
      } catch (error) {
        const now = await readInfo(this.folder); // another process may have written the next generation meanwhile
        if (isSame(now, info)) throw error;
      }
    }
  }

  async #follow(info: CollectionInfo): Promise<void> {
    // A log shorter than what was read of it: another file has been put in its place.
    const goesOn =
      isSame(info, this.#info) && this.#isLoaded && (await sizeOf(this.#path("entries"))) >= this.#position;
    if (goesOn) return this.#readOn();
    this.#isLoaded = false;
    this.#info = info;
    [this.#position, this.#lost] = [0, []];
    const rows = new Rows(info.model.dimensions);
    this.#table = new EntryTable(new ExactIndex(rows));
    await this.#readOn();
    if (info.kind === "hnsw") this.#table.index = await HnswIndex.open(rows, this.#graphPath);
    this.#unsaved = 0;
    this.#isLoaded = true;
  }

  async #readOn(): Promise<void> {
    const path = this.#path("entries");
    if ((await presentSize(path)) === this.#position) return;
    const onDamage = (damage: LogDamage) => {
      this.#lost = [...this.#lost, lostIn(damage)];
      this.#table.nextId += mostRecordsIn(damage); // ids are never given again, those of lost entries neither
    };
    this.#position = await readLog(path, this.#position, (record) => this.#apply(record), onDamage);
  }

  #apply({ json, vector }: LogRecord): void {
    const removal = removalSchema.safeParse(json);
    if (removal.success) {
      this.#forget(removal.data.removed);
      return;
    }
    const entry = entrySchema.safeParse(json);
    if (!entry.success || vector.length !== this.#info.model.dimensions || this.#table.get(entry.data.id))
      throw new OcellusError(
        "invalid_file",
        `${this.#path("entries")}: an entry that does not fit collection.json, or of another version of Ocellus`,
      );
    this.#remember(entry.data, vector);
  }

  #remember(entry: Entry, vector: Float32Array): void {
    this.#table.add(entry, vector);
    this.#unsaved++;
  }

  #forget(ids: readonly number[]): void {
    this.#table.remove(ids);
    this.#unsaved += ids.length;
  }

  async #append(news: readonly NewEntry[], replaced: readonly number[] = []): Promise<Entry[]> {
    if (news.length === 0) return [];
    if (this.size + news.length > maxEntries)
      throw new OcellusError("too_large", `${this.#info.name}: at most ${maxEntries} entries fit one collection`);
    const picturesPath = this.#path("pictures");
    let at = await sizeOf(picturesPath);
    const added = new Date().toISOString();
    const entries = news.map(({ vector: _, picture, ...rest }, i): Entry => {
      const place = { at, bytes: picture.length, sha256: digestOf(picture) };
      at += picture.length;
      return { ...rest, id: this.#table.nextId + i, added, picture: place };
    });
    for (const { vector, source } of news) checkVector(vector, this.#info.model.dimensions, `the vector of ${source}`);
    await append(picturesPath, Buffer.concat(news.map(({ picture }) => picture)));
    const records = entries.map((entry, i) => encodeLogRecord(entry, news[i]!.vector));
    if (replaced.length > 0) records.push(encodeLogRecord({ removed: replaced }));
    await this.#appendLog(records);
    for (const [i, entry] of entries.entries()) this.#remember(entry, news[i]!.vector);
    this.#forget(replaced);
    await this.#tidy();
    if (this.#unsaved >= mostUnsaved) await this.#save();
    return entries;
  }

  async #appendLog(records: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(records);
    await append(this.#path("entries"), bytes, this.#position); // a tail that was cut short goes
    this.#position += bytes.length;
  }

  /** Housekeeping: what was removed is removed, also where the disk has no room for this. Damage is a person's to decide on. */
  async #tidy(): Promise<void> {
    if (this.#table.numRemoved <= Math.max(fewestRemoved, this.size) || this.#lost.length > 0) return;
    await this.#rewrite().catch((error: OcellusError) => {
      if (error.code !== "io") throw error;
    });
  }

  /** What is left, under the next generation; the old files go when the new ones count. */
  async #rewrite(): Promise<void> {
    const old = [this.#path("entries"), this.#path("pictures")];
    const info = { ...this.#info, generation: this.#info.generation + 1 };
    const { position, entries } = await writeCollection(this.folder, info, this.#contents());
    for (const entry of entries) this.#table.move(entry);
    this.#table.numRemoved = 0;
    [this.#info, this.#position, this.#lost] = [info, position, []];
    for (const path of old) await rm(path, { force: true });
  }

  #contents(): Contents {
    return {
      entries: [...this.entries()],
      nextId: this.#table.nextId,
      vectorOf: ({ id }) => this.vector(id)!,
      pictureOf: (entry) => wholePicture(this.#path("pictures"), entry),
    };
  }

  get #graphPath(): string {
    return join(this.folder, "graph");
  }

  #path(what: "entries" | "pictures"): string {
    return fileOf(this.folder, what, this.#info);
  }
}

function isSame(one: CollectionInfo, other: CollectionInfo): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
