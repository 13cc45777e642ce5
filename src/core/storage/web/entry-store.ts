/**
 * Named byte strings in the browser's own storage: parts of models, and records of which models there are. The origin private
 * file system (OPFS) where there is one, else the Cache API, else memory. An entry that a crash cut short has another length
 * than its record says, and counts as missing.
 */
import { OcellusError } from "../../base/index.js";

export interface EntryStore {
  readonly kind: "opfs" | "cache" | "memory";
  /** Its length; undefined when there is no such entry. */
  sizeOf(name: string): Promise<number | undefined>;
  /** Bytes [start, end) of it, or all; undefined when there is no such entry. */
  read(name: string, start?: number, end?: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Replaces it. @throws `too_large` when the browser gives no more room; `io`. */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
}

/** Of the File System standard, what is used. */
interface FileHandle {
  getFile(): Promise<Blob>;
  createWritable?(): Promise<{
    write(bytes: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
  createSyncAccessHandle?(): Promise<SyncHandle>;
}
interface SyncHandle {
  truncate(size: number): void;
  write(bytes: Uint8Array): number;
  flush(): void;
  close(): void;
}
export interface DirectoryHandle {
  getDirectoryHandle(name: string, options: { create: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options?: { create: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
  keys(): AsyncIterable<string>;
}

/** Of the Cache standard, what is used. */
export interface CacheLike {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

/** @param root what `navigator.storage.getDirectory()` gives. */
export async function opfsStore(root: DirectoryHandle): Promise<EntryStore> {
  const folder = await root.getDirectoryHandle("ocellus", { create: true });
  const fileOf = (name: string) => missingAsUndefined(folder.getFileHandle(name).then((handle) => handle.getFile()));
  return {
    kind: "opfs",
    sizeOf: async (name) => (await fileOf(name))?.size,
    read: async (name, start, end) => bytesOf(await fileOf(name), start, end),
    write: (name, bytes) =>
      writing(name, bytes, async () => writeFile(await folder.getFileHandle(name, { create: true }), bytes)),
    remove: async (name) => void (await missingAsUndefined(folder.removeEntry(name))),
    names: async () => {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    },
  };
}

/** Safari before 26 writes by synchronous handles alone, which are in workers only. */
async function writeFile(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  if (handle.createWritable) {
    const stream = await handle.createWritable();
    try {
      await stream.write(bytes);
      return await stream.close();
    } catch (error) {
      await stream.abort().catch(() => {});
      throw error;
    }
  }
  const access = await handle.createSyncAccessHandle!();
  try {
    access.truncate(0);
    const written = access.write(bytes);
    if (written < bytes.length) throw new DOMException(`${written} of ${bytes.length} bytes`, "QuotaExceededError");
    access.flush();
  } finally {
    access.close();
  }
}

/** Entries are responses under addresses that are never fetched. */
export function cacheStore(cache: CacheLike): EntryStore {
  const root = "https://ocellus.invalid/";
  const blobOf = async (name: string) => (await cache.match(root + name))?.blob();
  return {
    kind: "cache",
    sizeOf: async (name) => (await blobOf(name))?.size,
    read: async (name, start, end) => bytesOf(await blobOf(name), start, end),
    write: (name, bytes) => writing(name, bytes, () => cache.put(root + name, new Response(bytes))),
    remove: async (name) => void (await cache.delete(root + name)),
    names: async () => (await cache.keys()).map(({ url }) => url.slice(root.length)),
  };
}

export function memoryStore(): EntryStore {
  const entries = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    kind: "memory",
    sizeOf: async (name) => entries.get(name)?.length,
    read: async (name, start, end) => entries.get(name)?.slice(start, end),
    write: async (name, bytes) => void entries.set(name, bytes),
    remove: async (name) => void entries.delete(name),
    names: async () => [...entries.keys()],
  };
}

async function bytesOf(
  blob: Blob | undefined,
  start?: number,
  end?: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return blob && new Uint8Array(await blob.slice(start, end).arrayBuffer());
}

async function missingAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error: Error) => {
    if (error.name === "NotFoundError") return undefined;
    throw error;
  });
}

async function writing(name: string, bytes: Uint8Array, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const isFull = (cause as Error).name === "QuotaExceededError";
    throw new OcellusError(
      isFull ? "too_large" : "io",
      isFull
        ? `the browser gives this site no room for another ${bytes.length} bytes; remove stored models, or free space on the disk`
        : `cannot store ${name} in the browser: ${(cause as Error).message}`,
      { details: { entry: name, numBytes: bytes.length }, cause },
    );
  }
}
