/**
 * What a file holds, without reading it again while it is surely the same. Its inode, size and times tell: a program can
 * set the time of the last write, but not the time of the last change (ctime), so an edited or swapped file has another
 * stamp. A file that changed within the last tick of its clock is read in any case, since a second write may fall into the
 * same tick (git's index calls such files "racily clean").
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioError } from "../base/index.js";
import { fileDigest, type ReadOptions } from "./digest.js";

export interface FileFingerprint {
  /** Hexadecimal SHA-256 of its bytes. */
  readonly digest: string;
  readonly stamp: string;
  /** Whether the file was at rest when it was read, so that an equal stamp means equal bytes. */
  readonly isSettled: boolean;
}

/** Of file systems that count in nanoseconds: Linux's own tick, at most 10 ms. Of those that count in seconds: FAT's two. */
const [fineTickMs, coarseTickMs] = [20, 2000];

/** @param before an earlier look at the same path @throws `not_found`, `io`, `aborted`. */
export async function fingerprintFile(
  path: string,
  before?: FileFingerprint,
  options: ReadOptions = {},
): Promise<FileFingerprint> {
  const { stamp, changedMs, tickMs } = await stampOf(path);
  if (before?.isSettled && before.stamp === stamp) return before;
  const isSettled = Date.now() - changedMs > tickMs;
  return { digest: await fileDigest(path, options), stamp, isSettled };
}

/** Tells whether files that are read again when they change have changed, by what they hold. */
export class FileFingerprints {
  readonly #looks = new Map<string, FileFingerprint>();

  /** One line a path; equal as long as nothing has changed. What cannot be read is reported by its reader. */
  async fingerprint(paths: readonly string[]): Promise<string> {
    const contents = await Promise.all(paths.map((path) => this.#contentOf(path).catch(() => "missing")));
    return contents.map((content, i) => `${JSON.stringify(paths[i])} ${content}\n`).join("");
  }

  /** Of a folder (a checkpoint, which is too large to be read at each look) the stamps of its files. */
  async #contentOf(path: string): Promise<string> {
    if ((await stampOf(path)).isFolder) return folderStamp(path);
    const look = await fingerprintFile(path, this.#looks.get(path));
    this.#looks.set(path, look);
    return look.digest;
  }
}

async function folderStamp(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const stamps = names.map((name) => stampOf(join(folder, name)).then(({ stamp }) => [name, stamp]));
  return JSON.stringify(await Promise.all(stamps));
}

async function stampOf(path: string) {
  const found = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw ioError("read", path, cause);
  });
  const { dev, ino, size, mtimeNs, ctimeNs } = found;
  return {
    stamp: [dev, ino, size, mtimeNs, ctimeNs].join(" "),
    changedMs: Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n),
    tickMs: ctimeNs % 1_000_000_000n === 0n ? coarseTickMs : fineTickMs,
    isFolder: found.isDirectory(),
  };
}
