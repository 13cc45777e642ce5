/**
 * The lines of an audit log as a chain, and whether it is unbroken. A log is the file that the policy names and, older than
 * it, its parts: FILE.<number of the part's first line>. Beside it lies FILE.head, a note of how far it had come.
 *
 *   {"seq": 7, "time": …, …, "prev": <hash of line 6>, "hash": <SHA-256 of this line up to here>}
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { ioError, OcellusError } from "../core/base/index.js";
import { readLines } from "../core/fs/index.js";

/** A line of a request with 64 pictures, and texts where they are wanted. More is no log of ours. */
export const maxAuditLineBytes = 64 * 2 ** 20;

/** A chain, as far as one file goes. */
export interface Chain {
  /** Number of the file's first line. */
  readonly first: number;
  /** Number of the next line. */
  readonly lines: number;
  /** Hash of the last line: note it elsewhere, and no one can cut lines off the end unseen. */
  readonly head: string;
  /** Bytes of whole lines. */
  readonly endsAt: number;
  /** SHA-256 of a last line that a kill has torn. */
  readonly torn: string | undefined;
}

/** What the first line of all follows. */
export const beginning: Chain = { first: 0, lines: 0, head: "0".repeat(64), endsAt: 0, torn: undefined };

/** The next file of the same chain. */
export function nextFile({ lines, head }: Chain): Chain {
  return { ...beginning, first: lines, lines, head };
}

/** A record as the next line of a chain. The hash is of the line up to the comma before it. */
export function sealed(record: object, { lines, head, endsAt, first }: Chain): { line: string; chain: Chain } {
  const body = JSON.stringify({ seq: lines, ...record, prev: head });
  const hash = createHash("sha256").update(body).digest("hex");
  const line = `${body.slice(0, -1)},"hash":"${hash}"}\n`;
  const bytes = Buffer.byteLength(line);
  return { line, chain: { first, lines: lines + 1, head: hash, endsAt: endsAt + bytes, torn: undefined } };
}

const seal = /,"hash":"([0-9a-f]{64})"\}$/;

/**
 * Reads one file on from where a chain had come. @param from undefined: from the file's beginning, wherever in the log that is.
 * @throws `invalid_file` naming the first line that does not follow from the one before; `not_found`, `io`.
 */
export async function readChain(
  path: string,
  from?: Chain,
  onHash: (hash: string, seq: number) => void = () => {},
): Promise<Chain> {
  let chain = from;
  const start = from?.endsAt ?? 0;
  for await (const { text: bytes, isWhole } of readLines(path, maxAuditLineBytes, { start, encoding: "latin1" })) {
    chain ??= begun(bytes);
    const problem = isWhole ? problemOf(bytes, chain) : problemOfTorn(bytes);
    if (problem !== undefined) throw changed(path, chain, ...problem);
    if (!isWhole) return { ...chain, torn: digestOf(bytes) };
    const [, head = ""] = seal.exec(bytes)!;
    onHash(head, chain.lines);
    chain = { ...chain, lines: chain.lines + 1, head, endsAt: chain.endsAt + bytes.length + 1 };
  }
  return chain ?? beginning;
}

/** Where the file of a first line begins; what is no line is found to be none by the one who checks it. */
function begun(line: string): Chain {
  const { seq, prev } = parsed(line) ?? {};
  if (!Number.isSafeInteger(seq) || (seq as number) <= 0 || typeof prev !== "string") return beginning;
  return nextFile({ ...beginning, lines: seq as number, head: prev });
}

/** The part of a line that is wrong, and how. */
type Problem = readonly [field: "record" | "hash" | "prev" | "seq" | "end", text: string];

/** @param bytes as latin1, one character a byte: what is not UTF-8 must not look like what it was changed from. */
function problemOf(bytes: string, { lines, head }: Chain): Problem | undefined {
  const [, hash] = seal.exec(bytes) ?? [];
  const body = bytes.replace(seal, "}");
  const record = hash === undefined ? undefined : parsed(body);
  if (!record) return ["record", "no record"];
  if (digestOf(body) !== hash) return ["hash", "its hash is not that of what it says"];
  if (record.prev !== head) return ["prev", "it does not follow the line before it"];
  return record.seq === lines ? undefined : ["seq", `expected number ${lines}, found ${String(record.seq)}`];
}

/** A torn line is the beginning of a record, and never more. */
function problemOfTorn(bytes: string): Problem | undefined {
  const end = bytes.lastIndexOf("}") + 1;
  const hasMore = end > 0 && end < bytes.length && parsed(bytes.slice(0, end)) !== undefined;
  return hasMore ? ["end", "there is something behind the last record"] : undefined;
}

function changed(path: string, { first, lines }: Chain, ...[field, problem]: Problem): OcellusError {
  const line = lines - first + 1;
  return new OcellusError("invalid_file", `${path}:${line}: ${problem}; the log was changed`, {
    details: { path, line, field },
  });
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

/** The older parts of a log, oldest first. */
export async function partsOf(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  const parts = names.filter((name) => name.startsWith(prefix) && /^\d{12}$/.test(name.slice(prefix.length)));
  return parts.sort().map((name) => join(dirname(path), name));
}

/** Of the part that begins with line `first`: names sort as numbers do. */
export function partName(path: string, { first }: Chain): string {
  return `${path}.${String(first).padStart(12, "0")}`;
}

const headSchema = z.object({ lines: z.number().int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) });

export function headName(path: string): string {
  return `${path}.head`;
}

/**
 * Checks a file against the note of how far the log had come. The note is written a second behind the log at most, after
 * the log itself is on the disk: a log that lacks its line was cut.
 */
export class HeadNote {
  readonly #path: string;
  readonly #note: z.infer<typeof headSchema> | undefined;
  #found: string | undefined;

  private constructor(path: string, note: z.infer<typeof headSchema> | undefined) {
    this.#path = path;
    this.#note = note;
  }

  /** Where there is none, nothing can be checked. @throws `invalid_file`, `io`. */
  static async read(path: string): Promise<HeadNote> {
    const text = await readFile(headName(path), "utf8").catch((cause: { code?: string }) => {
      if (cause.code === "ENOENT") return undefined;
      throw ioError("read", headName(path), cause);
    });
    if (text === undefined) return new HeadNote(path, undefined);
    const note = headSchema.safeParse(parsed(text));
    if (note.success) return new HeadNote(path, note.data);
    throw new OcellusError("invalid_file", `${headName(path)}: expected a number of lines and a hash; it was changed`, {
      details: { path: headName(path) },
    });
  }

  readonly see = (hash: string, seq: number): void => {
    if (seq + 1 === this.#note?.lines) this.#found = hash;
  };

  /** @throws `invalid_file`. @param from number of the first line that was seen, @param to of the next one. */
  check(from: number, to: number): void {
    const { lines, hash } = this.#note ?? { lines: 0, hash: "" };
    if (lines <= from || this.#found === hash) return;
    const what = lines > to ? `has ${to} lines, and had ${lines}: some were cut off its end` : "was written anew";
    throw new OcellusError("invalid_file", `${this.#path} ${what}, says ${headName(this.#path)}; the log was changed`, {
      details: { path: this.#path, expectedLines: lines, foundLines: to },
    });
  }
}

export interface VerifiedLog extends Chain {
  /** Files that it is in. */
  readonly files: number;
}

/** Reads a log, its oldest part first; again, up to three times, where its writer has turned it over meanwhile. */
export async function readUnmoved<T>(path: string, read: (files: readonly string[]) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const parts = await partsOf(path);
    const [outcome] = await Promise.allSettled([read([...parts, path])]);
    if (attempt < 3 && (await partsOf(path)).join() !== parts.join()) continue;
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }
}

/** Reads a whole log, all its parts. @throws as `readChain`; `invalid_file` when it was cut, as its note says. */
export function verifyLog(path: string, onHash: (hash: string) => void = () => {}): Promise<VerifiedLog> {
  return readUnmoved(path, (files) => verifyFiles(files, path, onHash));
}

async function verifyFiles(files: readonly string[], path: string, onHash: (hash: string) => void) {
  const note = await HeadNote.read(path);
  let chain: Chain | undefined;
  let first = 0;
  for (const file of files) {
    chain = await readChain(file, chain && nextFile(chain), (hash, seq) => {
      note.see(hash, seq);
      onHash(hash);
    });
    if (file === files[0]) {
      ({ first } = chain);
      const named = file === path ? 0 : Number(file.slice(path.length + 1));
      if (first !== named)
        throw changed(file, nextFile(chain), "seq", `expected line number ${named} here, found ${first}`);
    }
    if (chain.torn !== undefined && file !== path) throw changed(file, chain, "record", "no record");
  }
  note.check(first, chain!.lines);
  return { ...chain!, first, files: files.length };
}
