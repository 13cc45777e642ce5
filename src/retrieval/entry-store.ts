/**
 * The files of a collection and what they say, side by side: a table of entries in memory, read on from where it was left when
 * another process has written, and changed together with the log. It takes no turns: collection.ts does.
 * What is damaged is left out and named; when most of the log is about removed entries it is written again under the next generation.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import { encodeLogRecord, type LogDamage, type LogRecord, readLog } from "../core/fs/index.js";
import { append, digestOf, fileOf, presentSize, sizeOf } from "./collection-files.js";
import { type LostRecords, lostIn, mostRecordsIn, wholeImage } from "./collection-health.js";
import { type CollectionInfo, readInfo, writeInfo } from "./collection-info.js";
import { type Contents, writeCollection } from "./collection-writer.js";
import { type Entry, entrySchema, type NewEntry } from "./entry.js";
import { EntryTable } from "./entry-table.js";
import { ExactIndex } from "./exact-index.js";
import { HnswIndex } from "./hnsw-index.js";
import { Rows } from "./rows.js";
import { checkVector } from "./vector-index.js";

/** In memory: two gigabytes of vectors at 512 dimensions. More is a job for a database. */
const maxEntries = 1_000_000;
/** A log is written again when it has more removed entries than others, and enough of them to be worth it. */
const fewestRemoved = 1000;
/** A killed process leaves as many to be put into the graph again: seconds. */
const mostUnsaved = 10_000;

const removalSchema = z.object({ removed: z.array(z.number().int()) });

export class EntryStore {
  readonly folder: string;
  info: CollectionInfo;
  table: EntryTable;
  /** Parts of the log that are damaged. */
  lost: readonly LostRecords[] = [];
  /** Where the known part of the log ends. */
  #position = 0;
  #unsaved = 0;
  #isLoaded = false;

  constructor(folder: string, info: CollectionInfo) {
    this.folder = folder;
    this.info = info;
    this.table = new EntryTable(new ExactIndex(new Rows(info.model.dimensions)));
  }

  get imagesPath(): string {
    return fileOf(this.folder, "images", this.info);
  }

  get graphPath(): string {
    return join(this.folder, "graph");
  }

  get #logPath(): string {
    return fileOf(this.folder, "entries", this.info);
  }

  /** Reads on what others have written. @throws as `Collection.open`. */
  async refresh(): Promise<void> {
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
    const goesOn = isSame(info, this.info) && this.#isLoaded && (await sizeOf(this.#logPath)) >= this.#position;
    if (goesOn) return this.#readOn();
    this.#isLoaded = false;
    this.info = info;
    [this.#position, this.lost] = [0, []];
    const rows = new Rows(info.model.dimensions);
    this.table = new EntryTable(new ExactIndex(rows));
    await this.#readOn();
    if (info.kind === "hnsw") this.table.index = await HnswIndex.open(rows, this.graphPath);
    this.#unsaved = 0;
    this.#isLoaded = true;
  }

  async #readOn(): Promise<void> {
    if ((await presentSize(this.#logPath)) === this.#position) return;
    const onDamage = (damage: LogDamage) => {
      this.lost = [...this.lost, lostIn(damage)];
      this.table.nextId += mostRecordsIn(damage); // ids are never given again, those of lost entries neither
    };
    this.#position = await readLog(this.#logPath, this.#position, (record) => this.#apply(record), onDamage);
  }

  #apply({ json, vector }: LogRecord): void {
    const removal = removalSchema.safeParse(json);
    if (removal.success) {
      this.#forget(removal.data.removed);
      return;
    }
    const entry = entrySchema.safeParse(json);
    if (!entry.success || vector.length !== this.info.model.dimensions || this.table.get(entry.data.id))
      throw new OcellusError(
        "invalid_file",
        `${this.#logPath}: an entry that does not fit collection.json, or of another version of Ocellus`,
      );
    this.#remember(entry.data, vector);
  }

  #remember(entry: Entry, vector: Float32Array): void {
    this.table.add(entry, vector);
    this.#unsaved++;
  }

  #forget(ids: readonly number[]): void {
    this.table.remove(ids);
    this.#unsaved += ids.length;
  }

  /** In one write with the removal of those that they replace. @throws `invalid_request`, `too_large`, `io`. */
  async append(news: readonly NewEntry[], replaced: readonly number[] = []): Promise<Entry[]> {
    if (news.length === 0) return [];
    if (this.table.size + news.length > maxEntries)
      throw new OcellusError("too_large", `${this.info.name}: at most ${maxEntries} entries fit one collection`);
    let at = await sizeOf(this.imagesPath);
    const added = new Date().toISOString();
    const entries = news.map(({ vector: _, image, ...rest }, i): Entry => {
      const place = { at, bytes: image.length, sha256: digestOf(image) };
      at += image.length;
      return { ...rest, id: this.table.nextId + i, added, image: place };
    });
    for (const { vector, source } of news) checkVector(vector, this.info.model.dimensions, `the vector of ${source}`);
    await append(this.imagesPath, Buffer.concat(news.map(({ image }) => image)));
    const records = entries.map((entry, i) => encodeLogRecord(entry, news[i]!.vector));
    if (replaced.length > 0) records.push(encodeLogRecord({ removed: replaced }));
    await this.#appendLog(records);
    for (const [i, entry] of entries.entries()) this.#remember(entry, news[i]!.vector);
    this.#forget(replaced);
    await this.#tidy();
    if (this.#unsaved >= mostUnsaved) await this.save();
    return entries;
  }

  /** How many were there. @throws `io`. */
  async remove(ids: readonly number[]): Promise<number> {
    const present = [...new Set(ids)].filter((id) => this.table.get(id));
    if (present.length === 0) return 0;
    await this.#appendLog([encodeLogRecord({ removed: present })]);
    this.#forget(present);
    await this.#tidy();
    return present.length;
  }

  async #appendLog(records: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(records);
    await append(this.#logPath, bytes, this.#position); // a tail that was cut short goes
    this.#position += bytes.length;
  }

  /** Housekeeping: what was removed is removed, also where the disk has no room for this. Damage is a person's to decide on. */
  async #tidy(): Promise<void> {
    if (this.table.numRemoved <= Math.max(fewestRemoved, this.table.size) || this.lost.length > 0) return;
    await this.rewrite().catch((error: OcellusError) => {
      if (error.code !== "io") throw error;
    });
  }

  /** What is left, under the next generation; the old files go when the new ones count. @throws `io`. */
  async rewrite(): Promise<void> {
    const old = [this.#logPath, this.imagesPath];
    const info = { ...this.info, generation: this.info.generation + 1 };
    const { position, entries } = await writeCollection(this.folder, info, this.#contents());
    for (const entry of entries) this.table.move(entry);
    this.table.numRemoved = 0;
    [this.info, this.#position, this.lost] = [info, position, []];
    for (const path of old) await rm(path, { force: true });
  }

  /** collection.json and its copy. @throws `io`. */
  writeInfo(): Promise<void> {
    return writeInfo(this.folder, this.info);
  }

  /** As a collection of that name. @throws `io`. */
  async copyTo(folder: string, name: string): Promise<void> {
    await writeCollection(folder, { ...this.info, name, generation: 1 }, this.#contents());
    await this.table.index.save(join(folder, "graph"));
  }

  /** Saves what an index would take long to build again, if anything changed. @throws `io`. */
  async save(): Promise<void> {
    if (!this.isUnsaved) return;
    await this.table.index.save(this.graphPath);
    this.#unsaved = 0;
  }

  get isUnsaved(): boolean {
    return this.#unsaved > 0;
  }

  /** Bytes on disk, by their use. */
  async bytes(): Promise<{ entries: number; images: number; graph: number }> {
    const [entries, images, graph] = await Promise.all(
      [this.#logPath, this.imagesPath, this.graphPath].map((path) => sizeOf(path)),
    );
    return { entries: entries!, images: images!, graph: graph! };
  }

  #contents(): Contents {
    return {
      entries: [...this.table.entries()],
      nextId: this.table.nextId,
      vectorOf: ({ id }) => this.table.index.vector(id)!,
      imageOf: (entry) => wholeImage(this.imagesPath, entry),
    };
  }
}

function isSame(one: CollectionInfo, other: CollectionInfo): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
