/** IndexedDB as the page uses it: one request a transaction. Where there is none (private windows), all of it does nothing. */

export class Database<Store extends string> {
  readonly #name: string;
  readonly #stores: readonly Store[];
  #opened: Promise<IDBDatabase | undefined> | undefined;

  /** @param stores of records with an `id`. */
  constructor(name: string, stores: readonly Store[]) {
    this.#name = name;
    this.#stores = stores;
  }

  open(): Promise<IDBDatabase | undefined> {
    this.#opened ??= new Promise((done) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => {
        for (const store of this.#stores) request.result.createObjectStore(store, { keyPath: "id" });
      };
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(undefined);
    });
    return this.#opened;
  }

  /** @returns undefined, too, when the transaction failed: on a full disk what is shown stays, unkept. */
  async run<T>(store: Store, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>) {
    const db = await this.open();
    if (!db) return undefined;
    return new Promise<T | undefined>((done) => {
      const transaction = db.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => done(undefined);
    });
  }
}
