/**
 * Pictures that can be found: their vectors in an index, their texts in a lexicon, and what is kept of them on disk.
 *
 *   <folder>/collection.json          name, kind of index, the model that made the vectors, the generation
 *   <folder>/entries-<generation>.log what was added and removed, in order (record-log.ts)
 *   <folder>/pictures-<generation>    small copies of the pictures, one behind the other
 *   <folder>/graph, graph.json        of an HNSW index, as far as it was saved
 *
 * Any process may read while one writes: before each use the log is read on from where it was left. Writers take turns by
 * a lock. When most of the log is about removed entries it is written anew under the next generation.
 */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Lane, OcellusError } from "../base/index.js";
import { encodeLogRecord, type LogRecord, readLog, withFolderLock } from "../checkpoint/index.js";
import {
  append,
  type CollectionInfo,
  fileOf,
  readAt,
  readInfo,
  sizeOf,
  writeInfo,
  writeParts,
} from "./collection-files.js";
import { type Entry, entrySchema, type NewEntry, passes, type Where } from "./entry.js";
import { ExactIndex } from "./exact-index.js";
import { fuse } from "./fuse.js";
import { HnswIndex } from "./hnsw-index.js";
import { Lexicon } from "./lexicon.js";
import { Rows } from "./rows.js";
import { checkVector, type VectorIndex } from "./vector-index.js";

/** In memory: two gigabytes of vectors at 512 dimensions. More is a job for a database. */
const maxEntries = 1_000_000;
/** A log is written anew when it has more removed entries than others, and enough of them to be worth it. */
const fewestRemoved = 1000;
/** A killed process leaves as many to be put into the graph again: seconds. */
const mostUnsaved = 10_000;

export interface Query {
  /** Of a picture, or of a text where the model has a tower for texts. */
  readonly vector?: Float32Array;
  /** Compared word by word with the entries' texts. */
  readonly words?: string;
  readonly count: number;
  readonly where?: Where;
}

export interface Hit {
  readonly entry: Entry;
  /** Cosine, word score (BM25), or where both were asked the fused rank's. */
  readonly score: number;
  /** Where a vector was asked for. */
  readonly cosine?: number;
}

const removalSchema = z.object({ removed: z.array(z.number().int()) });

export class Collection {
  readonly folder: string;
  #info: CollectionInfo;
  #index!: VectorIndex;
  #lexicon = new Lexicon();
  #entries = new Map<number, Entry>();
  #idsOfPixels = new Map<string, Set<number>>();
  #idsOfSource = new Map<string, Set<number>>();
  #nextId = 0;
  #numRemoved = 0;
  /** Where the known part of the log ends. */
  #position = 0;
  #unsaved = 0;
  readonly #lane = new Lane(1);

  private constructor(folder: string, info: CollectionInfo) {
    this.folder = folder;
    this.#info = info;
  }

  /** @throws `not_found`, `invalid_file`, `unavailable` (an HNSW index where its library is missing), `io`. */
  static async open(folder: string): Promise<Collection> {
    const collection = new Collection(folder, await readInfo(folder));
    await collection.#load();
    return collection;
  }

  get info(): CollectionInfo {
    return this.#info;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** @throws `not_found`. */
  entry(id: number): Entry {
    const found = this.#entries.get(id);
    if (found) return found;
    throw new OcellusError("not_found", `${this.#info.name}: there is no entry ${id}`, { details: { param: "id" } });
  }

  /** Entries with the same pixels. */
  withPixels(pixels: string): Entry[] {
    return [...(this.#idsOfPixels.get(pixels) ?? [])].map((id) => this.entry(id));
  }

  ofSource(source: string): Entry[] {
    return [...(this.#idsOfSource.get(source) ?? [])].map((id) => this.entry(id));
  }

  vector(id: number): Float32Array | undefined {
    return this.#index.vector(id);
  }

  /** Whether words can be looked for. */
  get hasTexts(): boolean {
    return this.#lexicon.size > 0;
  }

  /** Reads on what others have written. @throws as `open`. */
  async refresh(): Promise<void> {
    await this.#lane.run(() => this.#refresh());
  }

  /** Durable when it resolves; none of them when it fails, perhaps the first of them when the process is killed. @throws `invalid_request`, `too_large`, `io`. */
  async add(entries: readonly NewEntry[]): Promise<Entry[]> {
    return this.#write(() => this.#append(entries));
  }

  /** How many were there. @throws `io`. */
  async remove(ids: readonly number[]): Promise<number> {
    return this.#write(async () => {
      const present = [...new Set(ids)].filter((id) => this.#entries.has(id));
      if (present.length === 0) return 0;
      await this.#appendLog([encodeLogRecord({ removed: present })]);
      this.#forget(present);
      if (this.#numRemoved > Math.max(fewestRemoved, this.size)) await this.#compact();
      return present.length;
    });
  }

  /** The best first. @throws `invalid_request` for a vector of another length. */
  search(query: Query): Promise<Hit[]> {
    return this.#lane.run(() => this.#search(query)); // nothing changes meanwhile
  }

  async #search({ vector, words, count, where = {} }: Query): Promise<Hit[]> {
    const accepts = Object.keys(where).length === 0 ? undefined : (id: number) => passes(this.#entries.get(id)!, where);
    // Of two rankings more is read than is wanted: what both know is near the top of neither, perhaps.
    const depth = vector && words !== undefined ? 4 * count : count;
    const near = vector && (await this.#index.search(vector, depth, accepts));
    const named = words === undefined ? undefined : this.#lexicon.search(words, depth, accepts);
    const rankings = [near, named].filter(
      (ranking) => ranking !== undefined && ranking.length > 0,
    ) as (typeof near & {})[];
    const found = rankings.length > 1 ? fuse(rankings, count) : (rankings[0]?.slice(0, count) ?? []);
    const cosines = new Map(near?.map(({ key, score }) => [key, score]));
    return found.map(({ key, score }) => {
      const cosine = cosines.get(key);
      return { entry: this.entry(key), score, ...(cosine !== undefined && { cosine }) };
    });
  }

  /** The small copy of an entry's picture, WebP. @throws `not_found`, `invalid_file` (damaged), `io`. */
  async picture(id: number): Promise<Uint8Array> {
    const { at, bytes, sha256 } = this.entry(id).picture;
    const path = this.#path("pictures");
    const picture = await readAt(path, at, bytes);
    if (digest(picture) === sha256) return picture;
    throw new OcellusError("invalid_file", `${path}: the picture of entry ${id} is damaged; add it again`);
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
    await this.#index.save(this.#graphPath);
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

  async #load(): Promise<void> {
    const rows = new Rows(this.#info.model.dimensions);
    const index = new ExactIndex(rows);
    this.#index = index;
    await this.#readOn();
    if (this.#info.kind === "hnsw") this.#index = await HnswIndex.open(rows, this.#graphPath);
    this.#unsaved = 0;
  }

  async #refresh(): Promise<void> {
    const info = await readInfo(this.folder);
    if (info.generation === this.#info.generation && info.created === this.#info.created) return this.#readOn();
    this.#info = info;
    this.#entries.clear();
    this.#idsOfPixels.clear();
    this.#idsOfSource.clear();
    this.#lexicon = new Lexicon();
    [this.#position, this.#numRemoved, this.#nextId] = [0, 0, 0];
    await this.#load();
  }

  async #readOn(): Promise<void> {
    const path = this.#path("entries");
    if ((await sizeOf(path)) === this.#position) return;
    this.#position = await readLog(path, this.#position, (record) => this.#apply(record));
  }

  #apply({ json, vector }: LogRecord): void {
    const removal = removalSchema.safeParse(json);
    if (removal.success) {
      this.#forget(removal.data.removed);
      return;
    }
    const entry = entrySchema.safeParse(json);
    if (!entry.success)
      throw new OcellusError("invalid_file", `${this.#path("entries")}: an entry of another version of Ocellus`);
    this.#remember(entry.data, vector);
  }

  #remember(entry: Entry, vector: Float32Array): void {
    this.#index.add(entry.id, vector);
    this.#entries.set(entry.id, entry);
    put(this.#idsOfPixels, entry.pixels, entry.id);
    put(this.#idsOfSource, entry.source, entry.id);
    this.#lexicon.add(entry.id, lexiconText(entry));
    this.#nextId = Math.max(this.#nextId, entry.id + 1);
    this.#unsaved++;
  }

  #forget(ids: readonly number[]): void {
    for (const id of ids) {
      this.#nextId = Math.max(this.#nextId, id + 1); // ids are never given again
      const entry = this.#entries.get(id);
      if (!entry) continue;
      this.#entries.delete(id);
      take(this.#idsOfPixels, entry.pixels, id);
      take(this.#idsOfSource, entry.source, id);
      this.#lexicon.remove(id, lexiconText(entry));
      this.#index.remove(id);
      this.#numRemoved++;
      this.#unsaved++;
    }
  }

  async #append(news: readonly NewEntry[]): Promise<Entry[]> {
    if (this.size + news.length > maxEntries)
      throw new OcellusError("too_large", `${this.#info.name}: at most ${maxEntries} entries fit one collection`);
    const picturesPath = this.#path("pictures");
    let at = await sizeOf(picturesPath);
    const added = new Date().toISOString();
    const entries = news.map(({ vector: _, picture, ...rest }, i): Entry => {
      const place = { at, bytes: picture.length, sha256: digest(picture) };
      at += picture.length;
      return { ...rest, id: this.#nextId + i, added, picture: place };
    });
    for (const { vector, source } of news) checkVector(vector, this.#index.dimensions, `the vector of ${source}`);
    await append(picturesPath, Buffer.concat(news.map(({ picture }) => picture)));
    await this.#appendLog(entries.map((entry, i) => encodeLogRecord(entry, news[i]!.vector)));
    for (const [i, entry] of entries.entries()) this.#remember(entry, news[i]!.vector);
    if (this.#unsaved >= mostUnsaved) await this.#save();
    return entries;
  }

  async #appendLog(records: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(records);
    await append(this.#path("entries"), bytes, this.#position); // a tail that was cut short goes
    this.#position += bytes.length;
  }

  /** What is left, under the next generation; the old files go when the new ones count. */
  async #compact(): Promise<void> {
    const old = [this.#path("entries"), this.#path("pictures")];
    const info = { ...this.#info, generation: this.#info.generation + 1 };
    const entries = [...this.#entries.values()];
    const picture = ({ id }: Entry) => this.picture(id);
    await writeParts(fileOf(this.folder, "pictures", info), entries, picture);
    let at = 0;
    const moved = entries.map((entry): Entry => {
      const place = { ...entry.picture, at };
      at += entry.picture.bytes;
      return { ...entry, picture: place };
    });
    // Whoever holds the id of a removed entry must not find another's picture under it.
    const highest = encodeLogRecord({ removed: this.#entries.has(this.#nextId - 1) ? [] : [this.#nextId - 1] });
    const record = async (entry: Entry) => encodeLogRecord(entry, this.#index.vector(entry.id)!);
    this.#position = await writeParts(fileOf(this.folder, "entries", info), moved, record, highest);
    await writeInfo(this.folder, info);
    for (const entry of moved) this.#entries.set(entry.id, entry);
    this.#info = info;
    this.#numRemoved = 0;
    for (const path of old) await rm(path, { force: true });
  }

  get #graphPath(): string {
    return join(this.folder, "graph");
  }

  #path(what: "entries" | "pictures"): string {
    return fileOf(this.folder, what, this.#info);
  }
}

/** What an entry is found by in words: its text and its labels. */
function lexiconText({ text = "", metadata = {} }: Entry): string {
  return [text, ...Object.values(metadata)].join("\n");
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function put(ids: Map<string, Set<number>>, name: string, id: number): void {
  const held = ids.get(name) ?? new Set();
  ids.set(name, held.add(id));
}

function take(ids: Map<string, Set<number>>, name: string, id: number): void {
  const held = ids.get(name);
  held?.delete(id);
  if (held?.size === 0) ids.delete(name);
}
