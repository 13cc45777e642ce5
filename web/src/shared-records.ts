/**
 * Records of one store of IndexedDB that several tabs change. Each change is a function of the record as it is kept, applied in one
 * transaction: no tab writes what it read earlier over what another has written since. Tabs name to each other what they have written,
 * and read it again. Where nothing can be kept (private windows, a full disk), the memory of this tab has to do.
 */
import type { Database } from "./database.js";

interface SharedRecord {
  readonly id: string;
}

/** Between hearing of changes and reading them: thousands of records may be added one after the other. */
const rereadMs = 50;

export class SharedRecords<T extends SharedRecord> {
  readonly #database: Database<string>;
  readonly #store: string;
  readonly #onChange: () => void;
  readonly #all = new Map<string, T>();
  /** Of this tab alone: not written yet, or there was no room. */
  readonly #unkept = new Set<string>();
  /** How many changes of a record are being written. Until the last one is, it stays as this tab shows it. */
  readonly #writing = new Map<string, number>();
  readonly #stale = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #tabs: BroadcastChannel;

  constructor(database: Database<string>, store: string, onChange: () => void) {
    this.#database = database;
    this.#store = store;
    this.#onChange = onChange;
    this.#tabs = new BroadcastChannel(`${database.name} ${store}`);
    this.#tabs.onmessage = ({ data }: MessageEvent<readonly string[] | "all">) =>
      this.#follow(data === "all" ? this.#all.keys() : data);
  }

  all(): T[] {
    return [...this.#all.values()];
  }

  get(id: string): T | undefined {
    return this.#all.get(id);
  }

  async load(): Promise<void> {
    const kept = await this.#database.run<T[]>(this.#store, "readonly", (store) => store.getAll());
    for (const record of kept ?? []) if (!this.#all.has(record.id)) this.#all.set(record.id, record);
    this.#onChange();
  }

  /** Shown at once, and kept when `keep` is called. */
  add(records: readonly T[]): void {
    for (const record of records) {
      this.#all.set(record.id, record);
      this.#unkept.add(record.id);
    }
    this.#onChange();
  }

  /**
   * Writes an added record as it is by now; one that another tab has kept under its id stays instead.
   * @param beside what is kept in other stores with it
   * @returns whether there was room
   */
  async keep(id: string, beside: Readonly<Record<string, object>> = {}): Promise<boolean> {
    const stores = [this.#store, ...Object.keys(beside)];
    const isKept = await this.#database.transact(stores, "readwrite", (transaction) => {
      this.#unkept.delete(id); // later changes wait for this transaction
      const store = transaction.objectStore(this.#store);
      const found = store.get(id) as IDBRequest<T | undefined>;
      found.onsuccess = () => {
        if (found.result) return this.#take(new Map([[id, found.result]]));
        const record = this.#all.get(id);
        if (!record) return; // deleted meanwhile
        store.put(record);
        for (const [name, its] of Object.entries(beside)) transaction.objectStore(name).put(its);
      };
    });
    if (isKept) this.#tabs.postMessage([id]);
    else this.#unkept.add(id);
    return isKept;
  }

  /** @param change is called with the record that is shown, and again with the one that is kept */
  async update(ids: readonly string[], change: (record: T) => T): Promise<void> {
    for (const id of ids) if (this.#all.has(id)) this.#all.set(id, change(this.#all.get(id)!));
    this.#onChange();
    const kept = ids.filter((id) => !this.#unkept.has(id));
    if (kept.length === 0) return;
    this.#count(kept, 1);
    const read = await this.#each(kept, "readwrite", change);
    this.#count(kept, -1);
    if (read) this.#tabs.postMessage(kept);
    else for (const id of kept) this.#unkept.add(id);
    this.#take(read);
  }

  /** @param beside names of stores that are emptied with it */
  async clear(...beside: readonly string[]): Promise<void> {
    this.#all.clear();
    this.#unkept.clear();
    this.#onChange();
    const stores = [this.#store, ...beside];
    await this.#database.transact(stores, "readwrite", (transaction) => {
      for (const store of stores) transaction.objectStore(store).clear();
    });
    this.#tabs.postMessage("all");
  }

  #count(ids: readonly string[], by: 1 | -1): void {
    for (const id of ids) {
      const count = (this.#writing.get(id) ?? 0) + by;
      if (count > 0) this.#writing.set(id, count);
      else this.#writing.delete(id);
    }
  }

  #follow(ids: Iterable<string>): void {
    for (const id of ids) this.#stale.add(id);
    this.#timer ??= setTimeout(() => {
      const read = [...this.#stale];
      this.#stale.clear();
      this.#timer = undefined;
      void this.#each(read, "readonly", (record) => record).then((records) => this.#take(records));
    }, rereadMs);
  }

  /** @returns what is kept of each now (undefined: nothing); undefined when it failed. */
  async #each(ids: readonly string[], mode: IDBTransactionMode, change: (record: T) => T) {
    const read = new Map<string, T | undefined>();
    const isDone = await this.#database.transact(this.#store, mode, (transaction) => {
      const store = transaction.objectStore(this.#store);
      for (const id of ids) {
        const found = store.get(id) as IDBRequest<T | undefined>;
        found.onsuccess = () => {
          const next = found.result && change(found.result);
          read.set(id, next);
          if (next && next !== found.result) store.put(next);
        };
      }
    });
    return isDone ? read : undefined;
  }

  /** What is kept, of all that this tab does not know better. */
  #take(read: ReadonlyMap<string, T | undefined> | undefined): void {
    if (!read) return;
    for (const [id, record] of read) {
      if (this.#unkept.has(id) || this.#writing.has(id)) continue;
      if (record) this.#all.set(id, record);
      else this.#all.delete(id);
    }
    this.#onChange();
  }
}
