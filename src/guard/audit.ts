/**
 * The audit log: a line for every door that was passed or found closed, each with the digest of the one before it, so that
 * nothing can be changed or taken out without breaking the chain. Digests of pictures and texts, not themselves.
 *
 *   {"seq": 7, "time": …, …, "prev": <hash of line 6>, "hash": <SHA-256 of this line up to here>}
 *
 * A kill may tear the line that is being written: it was no record yet. It is cut off when the log is opened again, and the
 * next line says so (`torn`: the digest of what was cut off).
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ioError, OcellusError } from "../base/index.js";

/** What the first line follows. */
const beginning = "0".repeat(64);

/** A line of a request with 64 pictures, and texts where they are wanted. More is no log of ours. */
const maxLineBytes = 64 * 2 ** 20;

/** What is lost at most when the power fails; a kill loses nothing that was written. */
const syncEveryMs = 1000;

export class AuditLog {
  readonly #path: string;
  readonly #file: FileHandle;
  #seq: number;
  #prev: string;
  #torn: string | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #syncTimer: NodeJS.Timeout | undefined;

  private constructor(path: string, file: FileHandle, { lines, head, torn }: Chain) {
    this.#path = path;
    this.#file = file;
    this.#seq = lines;
    this.#prev = head;
    this.#torn = torn;
  }

  /** Goes on where the file ends. @throws `invalid_file` when its chain is broken, `io`. */
  static async open(path: string): Promise<AuditLog> {
    const file = await open(path, "a", 0o600).catch((cause: unknown) => Promise.reject(ioError("write", path, cause)));
    try {
      const chain = await readChain(path);
      await file.truncate(chain.endsAt);
      return new AuditLog(path, file, chain);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Resolves when the line is handed to the system: a kill cannot lose it any more. @throws `io`. */
  append(record: Readonly<Record<string, unknown>>): Promise<void> {
    const written = this.#writing.then(() => this.#appendNow(record));
    this.#writing = written.catch(() => {}); // its own caller is told; the next one tries for itself
    return written;
  }

  async close(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#syncTimer);
    await this.#file.sync();
    await this.#file.close();
  }

  async #appendNow(record: Readonly<Record<string, unknown>>): Promise<void> {
    const torn = this.#torn === undefined ? {} : { torn: this.#torn };
    const body = { seq: this.#seq, time: new Date().toISOString(), ...record, ...torn, prev: this.#prev };
    const { line, hash } = sealed(JSON.stringify(body));
    await this.#write(`${line}\n`);
    this.#seq++;
    this.#prev = hash;
    this.#torn = undefined;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      this.#file.datasync().catch(() => {}); // closed meanwhile: that has synced
    }, syncEveryMs).unref();
  }

  async #write(text: string): Promise<void> {
    await this.#file.appendFile(text).catch((cause: unknown) => {
      throw ioError("write", this.#path, cause);
    });
  }
}

/** The hash is of the line up to the comma before it. */
function sealed(body: string): { line: string; hash: string } {
  const hash = createHash("sha256").update(body).digest("hex");
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, hash };
}

const seal = /,"hash":"([0-9a-f]{64})"\}$/;

export interface Chain {
  readonly lines: number;
  /** Hash of the last line: note it elsewhere, and nobody can cut lines off the end unseen. */
  readonly head: string;
  /** Bytes of whole lines. */
  readonly endsAt: number;
  /** SHA-256 of a last line that a kill has torn. */
  readonly torn: string | undefined;
}

/** Reads a whole log. @throws `invalid_file` naming the first line that does not follow from the one before; `io`. */
export async function readChain(path: string, onHash: (hash: string) => void = () => {}): Promise<Chain> {
  let chain: Chain = { lines: 0, head: beginning, endsAt: 0, torn: undefined };
  for await (const { bytes, isWhole } of linesOf(path)) {
    const problem = isWhole ? problemOf(bytes, chain) : problemOfTorn(bytes);
    if (problem !== undefined)
      throw new OcellusError("invalid_file", `${path}:${chain.lines + 1}: ${problem}; the log was changed`, {
        details: { line: chain.lines + 1 },
      });
    if (!isWhole) return { ...chain, torn: digestOf(bytes) };
    const [, head = ""] = seal.exec(bytes)!;
    chain = { ...chain, lines: chain.lines + 1, head, endsAt: chain.endsAt + bytes.length + 1 };
    onHash(head);
  }
  return chain;
}

/** @param bytes as latin1, one character a byte: what is not UTF-8 must not look like what it was changed from. */
function problemOf(bytes: string, { lines, head }: Chain): string | undefined {
  const [, hash] = seal.exec(bytes) ?? [];
  const body = bytes.replace(seal, "}");
  const record = hash === undefined ? undefined : parsed(body);
  if (!record) return "no record";
  if (digestOf(body) !== hash) return "its hash is not that of what it says";
  if (record.prev !== head) return "it does not follow the line before it";
  return record.seq === lines ? undefined : `expected number ${lines}, found ${String(record.seq)}`;
}

/** A torn line is the beginning of a record, and never more. */
function problemOfTorn(bytes: string): string | undefined {
  const end = bytes.lastIndexOf("}") + 1;
  const hasMore = end > 0 && end < bytes.length && parsed(bytes.slice(0, end)) !== undefined;
  return hasMore ? "there is something behind the last record" : undefined;
}

function digestOf(bytes: string): string {
  return createHash("sha256").update(bytes, "latin1").digest("hex");
}

function parsed(bytes: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(bytes) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

async function* linesOf(path: string): AsyncGenerator<{ bytes: string; isWhole: boolean }> {
  let pending = "";
  try {
    for await (const chunk of createReadStream(path, "latin1") as AsyncIterable<string>) {
      const lines = (pending + chunk).split("\n");
      pending = lines.pop()!;
      for (const bytes of lines) yield { bytes, isWhole: true };
      if (pending.length > maxLineBytes)
        throw new OcellusError("invalid_file", `${path}: a line of over ${maxLineBytes} bytes: this is no audit log`);
    }
  } catch (error) {
    throw error instanceof OcellusError ? error : ioError("read the audit log", path, error);
  }
  if (pending !== "") yield { bytes: pending, isWhole: false };
}
