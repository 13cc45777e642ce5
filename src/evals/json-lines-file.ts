/**
 * A file of JSON lines that is its own record of what is done: lines are appended as they come; those that wait together are
 * written and synced together. A last line that a kill has torn is cut off when the file is opened.
 */
import { type FileHandle, open } from "node:fs/promises";
import { ioError, OcellusError, stringifyJson } from "../core/base/index.js";
import { type Line, pathExists, readLines, withFolderLock } from "../core/fs/index.js";

interface Waiting {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

interface OpenOptions {
  readonly maxLineBytes: number;
  /** Gets each line that is there, and throws at what does not belong there. */
  readonly onLine: (text: string, origin: string) => void;
}

export class JsonLinesFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @throws `io`, `too_large`, what `onLine` throws: then nothing has been written. */
  static async open(path: string, { maxLineBytes, onLine }: OpenOptions): Promise<JsonLinesFile> {
    let last: Line | undefined;
    let end = 0;
    if (await pathExists(path))
      for await (const line of readLines(path, maxLineBytes)) {
        last = line;
        if (!line.isWhole && !isJson(line.text)) break;
        if (line.text.trim() !== "") onLine(line.text, `${path}:${line.number}`);
        end = line.end;
      }
    const file = await open(path, "a").catch((cause: unknown) => Promise.reject(ioError("write", path, cause)));
    await file.truncate(end);
    if (last && end === last.end && !last.isWhole) await file.appendFile("\n"); // by hand, without a line break
    return new JsonLinesFile(path, file);
  }

  /** Resolves when the line is on the disk. @throws `io`. */
  append(value: unknown): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: `${stringifyJson(value)}\n`, done, failed });
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

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

/** Runs `body` as the only one that writes to `path`. @throws `unavailable` while another process does. */
export function withOutputLock<T>(path: string, body: () => Promise<T>): Promise<T> {
  const onWait = (owner: string) => {
    throw new OcellusError("unavailable", `${path}: ${owner} is writing it; stop that one first`, {
      details: { path, owner },
    });
  };
  return withFolderLock(path, { onWait }, body);
}
