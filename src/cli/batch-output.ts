/**
 * The output of a batch: a line for each answer, appended as it comes, so that the file is its own record of what is done.
 * Lines that wait together are written and synced together. A last line that a kill has torn is cut off when it is opened.
 */
import { type FileHandle, open, readFile, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { ioError, OcellusError } from "../base/index.js";
import { pathExists } from "../checkpoint/index.js";
import { readLines } from "./read-lines.js";

/** An answer has no pictures in it, but it may have the embeddings of 2048 inputs. */
const maxLineBytes = 256 * 2 ** 20;

const lineSchema = z.looseObject({ custom_id: z.string() });

interface Waiting {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class BatchOutput {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Of the lines that were there when it was opened. */
  readonly ids: ReadonlySet<string>;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, ids: ReadonlySet<string>) {
    this.#path = path;
    this.#file = file;
    this.ids = ids;
  }

  /** @throws `io`, `invalid_file` when it holds something else. */
  static async open(path: string): Promise<BatchOutput> {
    const { ids, end } = (await pathExists(path)) ? await readIds(path) : { ids: new Set<string>(), end: 0 };
    const file = await open(path, "a").catch((cause: unknown) => Promise.reject(ioError("write", path, cause)));
    await file.truncate(end);
    return new BatchOutput(path, file, ids);
  }

  /** Resolves when the line is on the disk. @throws `io`. */
  append(value: unknown): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(value)}\n`, done, failed });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile(lines.map(({ line }) => line).join(""));
        await this.#file.datasync();
        for (const { done } of lines) done();
      } catch (cause) {
        for (const { failed } of lines) failed(ioError("write", this.#path, cause));
      }
    }
  }
}

async function readIds(path: string): Promise<{ ids: Set<string>; end: number }> {
  const ids = new Set<string>();
  let end = 0;
  for await (const line of readLines(path, maxLineBytes)) {
    if (!line.isWhole) break;
    ids.add(idOf(line.text, `${path}:${line.number}`));
    end = line.end;
  }
  return { ids, end };
}

function idOf(text: string, origin: string): string {
  try {
    return lineSchema.parse(JSON.parse(text)).custom_id;
  } catch (cause) {
    throw new OcellusError(
      "invalid_file",
      `${origin} is no line of a batch's output; nothing is written into a file of something else: choose another --out`,
      { cause },
    );
  }
}

/** Runs `body` as the only batch that writes to `path`. What a killed process has left of its lock is taken over. */
export async function withBatchLock<T>(path: string, body: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const take = () => writeFile(lock, String(process.pid), { flag: "wx" });
  await take().catch(async (cause: unknown) => {
    if ((cause as { code?: string }).code !== "EEXIST") throw ioError("write", lock, cause);
    const owner = Number(await readFile(lock, "utf8").catch(() => ""));
    if (owner > 0 && isRunning(owner))
      throw new OcellusError("unavailable", `${path}: process ${owner} is writing it; stop that one first`);
    await rm(lock, { force: true });
    await take();
  });
  try {
    return await body();
  } finally {
    await rm(lock, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (cause) {
    return (cause as { code?: string }).code === "EPERM";
  }
}
