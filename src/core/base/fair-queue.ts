/**
 * What waits for its turn: each owner's in turn, and of one owner each request's, so that no one's heap of work keeps another
 * waiting for more than one piece of it. Behind a proxy all may be one owner: then requests take turns all the same.
 */

/** Whose work it is. Left out: all of one. */
export interface QueueOwner {
  /** An API key, or an address. */
  readonly owner: string;
  /** One request of this owner. */
  readonly request: string;
}

const nobodys: QueueOwner = { owner: "", request: "" };

export class FairQueue<T> {
  /** Both maps in the order of turns: whoever had one goes to the end. */
  readonly #owners = new Map<string, Map<string, T[]>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T, { owner, request }: QueueOwner = nobodys): void {
    const requests = getOrSet(this.#owners, owner, () => new Map<string, T[]>());
    getOrSet(requests, request, () => []).push(item);
    this.#size++;
  }

  /** Whose turn it is. */
  peek(): T | undefined {
    const [requests] = this.#owners.values();
    return requests?.values().next().value?.[0];
  }

  /** Takes out what `peek` shows. */
  shift(): T | undefined {
    const [owner, requests] = this.#owners.entries().next().value ?? [];
    if (owner === undefined || !requests) return undefined;
    const [request, items] = requests.entries().next().value!;
    const item = items.shift();
    this.#size--;
    moveToEnd(requests, request, items.length > 0);
    moveToEnd(this.#owners, owner, requests.size > 0);
    return item;
  }

  /** @returns whether it was still waiting. */
  remove(item: T, { owner, request }: QueueOwner = nobodys): boolean {
    const requests = this.#owners.get(owner);
    const items = requests?.get(request);
    const at = items?.indexOf(item) ?? -1;
    if (!requests || !items || at < 0) return false;
    items.splice(at, 1);
    this.#size--;
    if (items.length === 0) requests.delete(request);
    if (requests.size === 0) this.#owners.delete(owner);
    return true;
  }

  /** Takes out everything. */
  clear(): T[] {
    const all = [...this.#owners.values()].flatMap((requests) => [...requests.values()].flat());
    this.#owners.clear();
    this.#size = 0;
    return all;
  }
}

function getOrSet<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function moveToEnd<K, V>(map: Map<K, V>, key: K, isKept: boolean): void {
  const value = map.get(key)!;
  map.delete(key);
  if (isKept) map.set(key, value);
}
