/** The entries of a collection in memory: by id, by pixels, by source, by vector and by words. */
import type { Entry } from "./entry.js";
import { fuse } from "./fuse.js";
import { Lexicon } from "./lexicon.js";
import type { VectorIndex } from "./vector-index.js";
import { filterOf, type Where } from "./where.js";

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

export class EntryTable {
  /** Another one over the same vectors may take its place. */
  index: VectorIndex;
  readonly #entries = new Map<number, Entry>();
  readonly #idsOfPixels = new Map<string, Set<number>>();
  readonly #idsOfSource = new Map<string, Set<number>>();
  readonly #lexicon = new Lexicon();
  /** Greater than every id that was ever given. */
  nextId = 0;
  numRemoved = 0;

  constructor(index: VectorIndex) {
    this.index = index;
  }

  get size(): number {
    return this.#entries.size;
  }

  get hasTexts(): boolean {
    return this.#lexicon.size > 0;
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  get(id: number): Entry | undefined {
    return this.#entries.get(id);
  }

  withPixels(pixels: string): Entry[] {
    return this.#all(this.#idsOfPixels.get(pixels));
  }

  ofSource(source: string): Entry[] {
    return this.#all(this.#idsOfSource.get(source));
  }

  #all(ids: Iterable<number> = []): Entry[] {
    return Array.from(ids, (id) => this.#entries.get(id)!);
  }

  /** @throws `invalid_request` for a vector of another length or a filter that is none. */
  async search({ vector, words, count, where = {} }: Query, among?: ReadonlySet<number>): Promise<Hit[]> {
    const isMeant = filterOf(where);
    const isFree = Object.keys(where).length === 0;
    const passes = isFree ? undefined : (id: number) => isMeant(this.#entries.get(id)!);
    const accepts = among ? (id: number) => among.has(id) && (passes?.(id) ?? true) : passes;
    // Of two rankings more is read than is wanted: what both know is near the top of neither, perhaps.
    const depth = vector && words !== undefined ? 4 * count : count;
    const near = vector && (await this.index.search(vector, depth, accepts));
    const named = words === undefined ? undefined : this.#lexicon.search(words, depth, accepts);
    const rankings = [near, named].filter(
      (ranking) => ranking !== undefined && ranking.length > 0,
    ) as (typeof near & {})[];
    const found = rankings.length > 1 ? fuse(rankings, count) : (rankings[0]?.slice(0, count) ?? []);
    const cosines = new Map(near?.map(({ key, score }) => [key, score]));
    return found.map(({ key, score }) => {
      const cosine = cosines.get(key);
      return { entry: this.#entries.get(key)!, score, ...(cosine !== undefined && { cosine }) };
    });
  }

  add(entry: Entry, vector: Float32Array): void {
    this.index.add(entry.id, vector);
    this.#entries.set(entry.id, entry);
    put(this.#idsOfPixels, entry.pixels, entry.id);
    put(this.#idsOfSource, entry.source, entry.id);
    this.#lexicon.add(entry.id, lexiconText(entry));
    this.nextId = Math.max(this.nextId, entry.id + 1);
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      this.nextId = Math.max(this.nextId, id + 1); // ids are never given again
      const entry = this.#entries.get(id);
      if (!entry) continue;
      this.#entries.delete(id);
      take(this.#idsOfPixels, entry.pixels, id);
      take(this.#idsOfSource, entry.source, id);
      this.#lexicon.remove(id, lexiconText(entry));
      this.index.remove(id);
      this.numRemoved++;
    }
  }

  /** In place of the entry with its id, which differs in where its picture lies. */
  move(entry: Entry): void {
    this.#entries.set(entry.id, entry);
  }
}

/** What an entry is found by in words: its text and its labels. */
function lexiconText({ text = "", metadata = {} }: Entry): string {
  return [text, ...Object.values(metadata)].join("\n");
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
