/** What a page or a worker offers for storing models; tests bring their own. The names are those of the web's standards. */
import { aborted, throwIfAborted } from "../../base/index.js";
import {
  type CacheLike,
  cacheStore,
  type DirectoryHandle,
  type EntryStore,
  memoryStore,
  opfsStore,
} from "./entry-store.js";

type LockMode = "shared" | "exclusive";

interface LockManagerLike {
  request(
    name: string,
    options: { mode: LockMode; ifAvailable?: boolean; signal?: AbortSignal },
    callback: (lock: object | null) => Promise<void> | void,
  ): Promise<unknown>;
}

/** Node's type leaves out what only browsers have. */
export type FetchInit = RequestInit & { readonly cache?: "no-store" | "no-cache" };

export interface Environment {
  readonly fetch: (url: string, init: FetchInit) => Promise<Response>;
  readonly store: EntryStore;
  /** Bytes that this site may still store; undefined when the browser does not say. */
  readonly roomBytes: () => Promise<number | undefined>;
  /** Asks that the site's storage is not cleared when the disk fills up. */
  readonly persist: () => void;
  readonly locks: Locks;
  /** What relative addresses are resolved against. */
  readonly pageUrl: string | undefined;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Among all pages and workers of the site; held until the function that is returned is called, or the page is gone. */
export interface Locks {
  take(name: string, mode: LockMode, signal?: AbortSignal): Promise<() => void>;
  /** Undefined when others hold it. */
  tryTake(name: string, mode: LockMode): Promise<(() => void) | undefined>;
}

interface Globals {
  readonly location?: { readonly href: string };
  readonly caches?: { open(name: string): Promise<CacheLike> };
  readonly navigator?: {
    readonly locks?: LockManagerLike;
    readonly storage?: {
      getDirectory?(): Promise<DirectoryHandle>;
      estimate?(): Promise<{ quota?: number; usage?: number }>;
      persist?(): Promise<boolean>;
    };
  };
}

export async function browserEnvironment(): Promise<Environment> {
  const { location, navigator } = globalThis as unknown as Globals;
  const storage = navigator?.storage;
  return {
    fetch: (url, init) => fetch(url, init),
    store: await openStore(globalThis as unknown as Globals),
    roomBytes: async () => {
      const { quota, usage = 0 } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
      return quota === undefined ? undefined : Math.max(0, quota - usage);
    },
    persist: () => void storage?.persist?.().catch(() => {}), // Firefox asks the user, who may take their time
    locks: locksOf(navigator?.locks),
    pageUrl: location?.href,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

/** A private window may have the functions and refuse them. */
async function openStore({ navigator, caches }: Globals): Promise<EntryStore> {
  const folder = await navigator?.storage?.getDirectory?.().catch(() => undefined);
  if (folder) return opfsStore(folder);
  const cache = await caches?.open("ocellus").catch(() => undefined);
  return cache ? cacheStore(cache) : memoryStore();
}

/** Without the standard's locks nothing is guarded: such browsers have no OPFS either. */
function locksOf(manager: LockManagerLike | undefined): Locks {
  const request = (name: string, options: Parameters<LockManagerLike["request"]>[1]) =>
    new Promise<(() => void) | undefined>((resolve, reject) => {
      if (!manager) return resolve(() => {});
      const hold = (lock: object | null) =>
        lock === null ? resolve(undefined) : new Promise<void>((release) => resolve(release));
      manager.request(name, options, hold).catch(reject);
    });
  return {
    tryTake: (name, mode) => request(name, { mode, ifAvailable: true }),
    take: async (name, mode, signal) => {
      throwIfAborted(signal);
      const release = await request(name, { mode, ...(signal && { signal }) }).catch((error: unknown) => {
        throw signal?.aborted ? aborted(signal) : error;
      });
      return release!;
    },
  };
}
