/**
 * What costly detectors found, over a restart: a log of checksummed records (checkpoint/record-log.ts). Each is handed to the
 * system as it is made, so a kill loses at most the one that was being written. Findings only, never what a policy made of
 * them. Several processes may write: each knows what stood there when it began. Past its budget the log is rewritten;
 * what is damaged is looked at again. A failing disk costs time, never a verdict.
 */

import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { LRUCache } from "lru-cache";
import { encodeLogRecord, makeFolder, readLog, writeFileAtomically } from "../core/fs/index.js";
import type { Finding } from "./verdict.js";

export type FoundByKey = LRUCache<string, readonly Finding[]>;

/** Some 50,000 pictures under a guard of five categories; read in a third of a second. */
export const defaultLogBytes = 16 * 2 ** 20;
/** A policy of a hundred categories, each with a reason. Larger ones are looked at again after a restart. */
const maxRecordBytes = 64 * 2 ** 10;

export class FindingsLog {
  readonly #path: string;
  readonly #maxBytes: number;
  /** Of all that is remembered, latest first: what stays when the log is written again. */
  readonly #found: FoundByKey;
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, maxBytes: number, found: FoundByKey) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#found = found;
  }

  /** Puts what the log knows into `found`. @throws `io` when there can be no such file. */
  static async open(path: string, maxBytes: number, found: FoundByKey): Promise<FindingsLog> {
    const log = new FindingsLog(path, maxBytes, found);
    await makeFolder(dirname(path));
    await (await open(path, "a", 0o600)).close();
    const { size } = await stat(path);
    const isOurs = size <= 2 * maxBytes; // several writers may be past the budget, none twice
    const end = isOurs ? await readLog(path, 0, ({ json }) => take(json, found)).catch(() => undefined) : undefined;
    log.#bytes = end ?? 0;
    if (end !== size) await log.#rewrite(); // a torn end, or damage
    return log;
  }

  /** In the background; `onFailure` is told when the disk fails. */
  append(key: string, findings: readonly Finding[], onFailure: (cause: unknown) => void): void {
    const record = encodeLogRecord([key, findings]);
    if (record.length > maxRecordBytes) return;
    this.#writing = this.#writing.then(() => this.#append(record)).catch(onFailure);
  }

  close(): Promise<void> {
    return this.#writing;
  }

  async #append(record: Buffer): Promise<void> {
    if (this.#bytes + record.length > this.#maxBytes) return this.#rewrite();
    const file = await open(this.#path, "a", 0o600); // by its name: another process may have written it again
    try {
      await file.write(record);
      this.#bytes += record.length;
    } finally {
      await file.close();
    }
  }

  /** The newest half: the next time is far. */
  async #rewrite(): Promise<void> {
    const records: Buffer[] = [];
    let bytes = 0;
    for (const [key, findings] of this.#found) {
      const record = encodeLogRecord([key, findings]);
      if (bytes + record.length > this.#maxBytes / 2) break;
      records.unshift(record);
      bytes += record.length;
    }
    await writeFileAtomically(this.#path, Buffer.concat(records));
    this.#bytes = bytes;
  }
}

function take(json: unknown, found: FoundByKey): void {
  const [key, findings] = json as [string, readonly Finding[]]; // the checksum says that we wrote it
  found.set(key, findings);
}
