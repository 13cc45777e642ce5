/**
 * Features on disk within a byte budget: one file a record, whose path follows from the key, under 256 folders.
 *
 *   <folder>/3f/3f9a…  ←  SHA-256 of the key
 *
 * A lookup opens that path, so the tier answers at once after a start however large it is; only writing waits until the
 * sizes are counted, in the background. A record appears whole or not at all (temporary name, fsync, rename) and carries
 * its key and a checksum: what is damaged, or is in another's place, is dropped and made again. A failing disk costs time,
 * never an answer. One folder belongs to one process at a time (folder-lock.ts).
 * Why not one large file: docs/decisions/0006.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OcellusError, Semaphore, sha256 } from "../../base/index.js";
import { makeFolder, takeFolderLock } from "../../fs/index.js";
import { decodeRecord, encodeRecord } from "./feature-record.node.js";
import { type StoredFeatures, storedBytes } from "./features.js";
import { TinyLfu } from "./tiny-lfu.js";

export interface DiskTierOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** The name of a key's file: 64 hexadecimal digits. Default SHA-256; tests force collisions. */
  readonly nameOf?: (key: string) => string;
}

/** Writers at once: more only wait for the same disk. */
const numWriters = 2;
/** Bytes of records that may wait to be written; those beyond are not kept, a slow disk must not fill the memory. */
const maxPendingBytes = 256 * 2 ** 20;
const temporaryMark = ".partial-";

export class DiskTier {
  readonly #options: DiskTierOptions;
  readonly #nameOf: (key: string) => string;
  readonly #policy: TinyLfu;
  readonly #semaphore = new Semaphore(numWriters);
  readonly #pending = new Map<string, Promise<void>>();
  readonly #counts = { damaged: 0, failures: 0 };
  readonly #scanned: Promise<void>;
  readonly #unlock: () => Promise<void>;
  #pendingBytes = 0;
  #isClosed = false;

  private constructor(options: DiskTierOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
    this.#nameOf = options.nameOf ?? sha256;
    this.#policy = new TinyLfu(options.maxBytes);
    this.#scanned = this.#scan().catch(() => void this.#counts.failures++);
  }

  /** @throws `io` when the folder cannot be made, `unavailable` when another process has it. */
  static async open(options: DiskTierOptions): Promise<DiskTier> {
    await makeFolder(options.folder);
    return new DiskTier(options, await lock(options.folder));
  }

  get stats() {
    return { bytes: this.#policy.bytes, records: this.#policy.size, ...this.#counts };
  }

  /** Resolves when the sizes of all records are known. */
  ready(): Promise<void> {
    return this.#scanned;
  }

  async get(key: string): Promise<StoredFeatures | undefined> {
    const name = this.#nameOf(key);
    this.#policy.touch(name);
    const record = await readFile(this.#path(name)).catch((cause: { code?: string }) => {
      if (cause.code !== "ENOENT") this.#counts.failures++;
      return undefined;
    });
    if (!record) return undefined;
    const found = decodeRecord(record);
    if (found?.key === key) return found.stored;
    if (found && this.#nameOf(found.key) === name) return undefined; // two keys of one name: the other's record is sound
    this.#counts.damaged++;
    await this.#drop(name);
    return undefined;
  }

  /** Keeps the record in the background. */
  put(key: string, stored: StoredFeatures): void {
    const name = this.#nameOf(key);
    const bytes = storedBytes(stored);
    if (this.#isClosed || this.#pending.has(name) || this.#pendingBytes + bytes > maxPendingBytes) return;
    this.#pendingBytes += bytes;
    const written = this.#semaphore
      .run(() => this.#write(name, key, stored))
      .catch(() => void this.#counts.failures++)
      .finally(() => {
        this.#pending.delete(name);
        this.#pendingBytes -= bytes;
      });
    this.#pending.set(name, written);
  }

  /** Waits for what is being written, and gives the folder back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#scanned, ...this.#pending.values()]);
    await this.#unlock();
  }

  async #write(name: string, key: string, stored: StoredFeatures): Promise<void> {
    await this.#scanned;
    const record = encodeRecord(key, stored);
    this.#policy.remove(name);
    const gone = this.#policy.add(name, record.length);
    for (const other of gone) if (other !== name) await this.#unlink(other); // room first: the budget holds at any time
    if (gone.includes(name)) return this.#unlink(name);
    await mkdir(join(this.#options.folder, name.slice(0, 2)), { recursive: true });
    const temporary = `${this.#path(name)}${temporaryMark}${process.pid}-${randomBytes(4).toString("hex")}`;
    try {
      await writeFile(temporary, record, { flush: true });
      await rename(temporary, this.#path(name));
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      this.#policy.remove(name);
      throw cause;
    }
  }

  async #drop(name: string): Promise<void> {
    this.#policy.remove(name);
    await this.#unlink(name).catch(() => void this.#counts.failures++);
  }

  async #unlink(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  #path(name: string): string {
    return join(this.#options.folder, name.slice(0, 2), name);
  }

  /** Counts what is there, oldest first, and clears away what a killed process left. Reads no record. */
  async #scan(): Promise<void> {
    const found: { name: string; bytes: number; time: number }[] = [];
    for (const folder of await readdir(this.#options.folder)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      const names = await readdir(join(this.#options.folder, folder));
      await Promise.all(names.map((name) => this.#count(join(this.#options.folder, folder, name), name, found)));
    }
    found.sort((a, b) => a.time - b.time);
    for (const { name, bytes } of found) for (const gone of this.#policy.add(name, bytes)) await this.#unlink(gone);
  }

  async #count(path: string, name: string, found: { name: string; bytes: number; time: number }[]): Promise<void> {
    if (name.includes(temporaryMark)) return rm(path, { force: true });
    if (!/^[0-9a-f]{64}$/.test(name)) return; // not ours
    const status = await stat(path).catch(() => undefined);
    if (status) found.push({ name, bytes: status.size, time: status.mtimeMs });
  }
}

/** One process a folder. */
function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "in-use"); // within the folder: beside it there may be no right to write
  const onWait = (owner: string) => {
    const message =
      `${folder} is in use by ${owner}: encoded images belong to one process; name another folder, stop that process, ` +
      `or delete ${path}.lock if there is none`;
    throw new OcellusError("unavailable", message, { details: { folder, path: `${path}.lock`, owner } });
  };
  return takeFolderLock(path, { onWait });
}
