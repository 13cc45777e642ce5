/**
 * The audit log: a line for every door that was passed or found closed, each with the digest of the one before it, so that
 * nothing can be changed or taken out without breaking the chain (audit-chain.ts). Digests of pictures and texts, not
 * themselves. Several processes may write one log: each takes its turn, and reads on what the others have written.
 *
 * A kill may tear the line that is being written: it was no record yet. It is cut off by the next writer, and the next
 * line says so (`torn`: the digest of what was cut off).
 */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { ioError, OcellusError } from "../core/base/index.js";
import { withFolderLock, writeFileAtomically } from "../core/fs/index.js";
import {
  beginning,
  type Chain,
  HeadNote,
  headName,
  nextFile,
  partName,
  partsOf,
  readChain,
  sealed,
} from "./audit-chain.js";

export interface AuditOptions {
  /** Of one file: beyond it, the file becomes a part and a new one continues. */
  readonly maxBytes?: number | undefined;
  /** Parts that stay beside the file; the oldest go. Default: all stay. */
  readonly keep?: number | undefined;
}

/** Some 500,000 questions; read in two seconds at the start. */
export const defaultAuditBytes = 256 * 2 ** 20;
/** What is lost at most when the power fails; a kill loses nothing that was written. */
const syncEveryMs = 1000;
/** Another process has the log for as long as a line takes. */
const pollMs = 5;

interface Waiting {
  readonly record: Readonly<Record<string, unknown>>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class AuditLog {
  readonly #path: string;
  readonly #options: AuditOptions;
  #file: FileHandle | undefined;
  #inode = 0;
  #chain = beginning;
  #waiting: Waiting[] = [];
  #writing: Promise<void> = Promise.resolve();
  #syncTimer: NodeJS.Timeout | undefined;

  private constructor(path: string, options: AuditOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Goes on where the log ends. @throws `invalid_file` when its chain is broken or it was cut, `io`. */
  static async open(path: string, options: AuditOptions = {}): Promise<AuditLog> {
    const log = new AuditLog(path, options);
    try {
      await log.#inTurn(() => log.#catchUp());
      return log;
    } catch (error) {
      await log.#file?.close();
      throw error;
    }
  }

  /** Resolves when the line is handed to the system: a kill cannot lose it any more. @throws `io`, `invalid_file`. */
  append(record: Readonly<Record<string, unknown>>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record: { time: new Date().toISOString(), ...record }, resolve, reject });
      if (this.#waiting.length === 1) this.#writing = this.#writing.then(() => this.#writeWaiting());
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#syncTimer);
    await this.#sync();
    await this.#file?.close();
    this.#file = undefined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return withFolderLock(this.#path, { pollMs }, work);
  }

  /** Those that came while others were written go together. */
  async #writeWaiting(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      await this.#inTurn(async () => {
        await this.#catchUp();
        await this.#write(batch.map(({ record }) => record));
      });
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Nothing to do unless another process has written, or something that was begun was not ended. */
  async #catchUp(): Promise<void> {
    const { ino, size } = await stat(this.#path).catch(() => ({ ino: 0, size: 0 }));
    const isSame = this.#file !== undefined && ino === this.#inode;
    if (isSame && size === this.#chain.endsAt) return;
    if (isSame && size < this.#chain.endsAt)
      throw new OcellusError("invalid_file", `${this.#path}: lines were cut off its end while it was written`, {
        details: { path: this.#path, expectedBytes: this.#chain.endsAt, foundBytes: size },
      });
    if (!isSame) await this.#open();
    const chain = isSame ? await readChain(this.#path, this.#chain) : await this.#readWhole();
    if (chain.torn !== undefined) await this.#file!.truncate(chain.endsAt);
    this.#chain = chain;
  }

  async #open(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#file = await open(this.#path, "a", 0o600).catch((cause: unknown) => {
      throw ioError("write", this.#path, cause);
    });
    this.#inode = (await this.#file.stat()).ino;
  }

  /** An empty file continues where the newest part ends. */
  async #readWhole(): Promise<Chain> {
    const note = await HeadNote.read(this.#path);
    const chain = await readChain(this.#path, undefined, note.see);
    const newest = (await partsOf(this.#path)).at(-1);
    if (chain.endsAt === 0 && newest !== undefined) {
      const before = await readChain(newest, undefined, note.see);
      note.check(before.first, before.lines);
      return { ...nextFile(before), torn: chain.torn };
    }
    note.check(chain.first, chain.lines);
    return chain;
  }

  async #write(records: readonly object[]): Promise<void> {
    if (this.#chain.endsAt >= (this.#options.maxBytes ?? defaultAuditBytes)) await this.#turnOver();
    let chain = this.#chain;
    let text = "";
    for (const record of records) {
      const torn = chain.torn === undefined ? {} : { torn: chain.torn };
      const next = sealed({ ...record, ...torn }, chain);
      chain = next.chain;
      text += next.line;
    }
    await this.#file!.appendFile(text).catch((cause: unknown) => Promise.reject(ioError("write", this.#path, cause)));
    this.#chain = chain;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      void this.#sync().catch(() => {}); // closed meanwhile: that has synced
    }, syncEveryMs).unref();
  }

  /** The file becomes a part, and the oldest parts go. */
  async #turnOver(): Promise<void> {
    await this.#sync();
    await rename(this.#path, partName(this.#path, this.#chain));
    this.#chain = nextFile(this.#chain);
    await this.#open();
    const { keep = Number.POSITIVE_INFINITY } = this.#options;
    const parts = await partsOf(this.#path);
    for (const part of parts.slice(0, Math.max(0, parts.length - keep))) await rm(part, { force: true });
  }

  /** Notes how far the log has come once that is on the disk. */
  async #sync(): Promise<void> {
    const { lines, head: hash } = this.#chain;
    await this.#file?.datasync();
    if (lines > 0) await writeFileAtomically(headName(this.#path), `${JSON.stringify({ lines, hash })}\n`);
  }
}
