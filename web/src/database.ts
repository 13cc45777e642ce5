/** IndexedDB as the page uses it. Where there is none (private windows), all of it does nothing. */

export class Database<Store extends string> {
  readonly name: string;
  readonly #stores: readonly Store[];
  #opened: Promise<IDBDatabase | undefined> | undefined;

  /** @param stores of records with an `id`. */
  constructor(name: string, stores: readonly Store[]) {
    this.name = name;
    this.#stores = stores;
  }

  open(): Promise<IDBDatabase | undefined> {
    this.#opened ??= new Promise((done) => {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => {
        for (const store of this.#stores) request.result.createObjectStore(store, { keyPath: "id" });
      };
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(undefined);
    });
    return this.#opened;
  }

  /**
   * One transaction, so that of two tabs one is first.
   * @param act may continue in what its requests call
   * @returns whether it is written; not on a full disk: what is shown stays, unkept
   */
  async transact(
    stores: Store | readonly Store[],
    mode: IDBTransactionMode,
    act: (transaction: IDBTransaction) => void,
  ) {
    const db = await this.open();
    if (!db) return false;
    return new Promise<boolean>((done) => {
      const transaction = db.transaction(stores as string | string[], mode);
      transaction.oncomplete = () => done(true);
      transaction.onabort = () => done(false);
      act(transaction);
    });
  }

  /** One request. @returns undefined, too, when it failed. */
  async run<T>(store: Store, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>) {
    let request: IDBRequest<T> | undefined;
    const isDone = await this.transact(store, mode, (transaction) => {
      request = act(transaction.objectStore(store));
    });
    return isDone ? request!.result : undefined;
  }
}
