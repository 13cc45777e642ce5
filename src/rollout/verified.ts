/**
 * Folders whose every byte is vouched for: those of signed versions, by their manifests, and the packed models made from
 * them. A file is read once and remembered by its inode, size and times (core/fs/file-fingerprint.ts), in a memory folder that
 * must be the reader's own: who can write there can vouch for anything. What else is in the folder is a problem too: one
 * file more can be another model.
 */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ioError, OcellusError } from "../core/base/index.js";
import {
  type FileFingerprint,
  fingerprintFile,
  makeFolder,
  type ReadOptions,
  sayOnce,
  textDigest,
  writeFileAtomically,
} from "../core/fs/index.js";

/** What was found in a folder, by paths with `/`. */
type Looks = Readonly<Record<string, FileFingerprint>>;

interface Remembered {
  /** For people who look into the memory. */
  readonly folder: string;
  /** What the folder was made from; absent where a manifest says what must be in it. */
  readonly source?: string;
  readonly files: Looks;
}

export class VerifiedFolders {
  readonly #memory: string;

  constructor(memory: string) {
    this.#memory = memory;
  }

  /**
   * Reads what has changed since it was last read.
   * @param expected the digest of each file (`sha256:…`)
   * @returns what is wrong, one line each @throws `io`, `aborted`
   */
  async compare(folder: string, expected: ReadonlyMap<string, string>, options: ReadOptions = {}): Promise<string[]> {
    const before = await this.#recall(folder);
    const files = await look(folder, before?.files ?? {}, options);
    await this.#remember({ folder, files });
    return differences(expected, files);
  }

  /** Vouches for the files of a folder that this process has just made. @param source the digest of what they were made from */
  async vouch(folder: string, source: string, options: ReadOptions = {}): Promise<void> {
    await this.#remember({ folder, source, files: await look(folder, {}, options) });
  }

  /** Whether a folder is as it was when it was vouched for, and made from this. @throws `io`, `aborted` */
  async isAsMade(folder: string, source: string, options: ReadOptions = {}): Promise<boolean> {
    const before = await this.#recall(folder);
    if (before?.source !== source) return false;
    const files = await look(folder, before.files, options);
    const expected = Object.entries(before.files).map(([path, { digest }]) => [path, `sha256:${digest}`] as const);
    if (differences(new Map(expected), files).length > 0) return false;
    await this.#remember({ folder, source, files });
    return true;
  }

  #fileOf(folder: string): string {
    return join(this.#memory, `${textDigest(folder)}.json`);
  }

  /** Damage is forgotten: the files are read again. */
  async #recall(folder: string): Promise<Remembered | undefined> {
    const text = await readFile(this.#fileOf(folder), "utf8").catch(() => "null");
    try {
      return (JSON.parse(text) as Remembered | null) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** A full disk keeps no version from being loaded: without a memory its files are read again. */
  async #remember(found: Remembered): Promise<void> {
    try {
      await makeFolder(this.#memory);
      await writeFileAtomically(this.#fileOf(found.folder), JSON.stringify(found));
    } catch (error) {
      if (!(error instanceof OcellusError) || error.code !== "io") throw error;
      sayOnce(`what was checked is not remembered, and is read again next time: ${error.message}`);
    }
  }
}

/** All that is in a folder; what is neither a file nor a folder has no digest. */
async function look(folder: string, before: Looks, options: ReadOptions): Promise<Looks> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw ioError("list", folder, cause);
  });
  const files: Record<string, FileFingerprint> = {};
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const place = join(entry.parentPath ?? entry.path, entry.name);
    const path = relative(folder, place).split(sep).join("/");
    files[path] = entry.isFile()
      ? await fingerprintFile(place, before[path], options)
      : { digest: "", stamp: "", isSettled: false };
  }
  return files;
}

function differences(expected: ReadonlyMap<string, string>, files: Looks): string[] {
  const changed = [...expected].flatMap(([path, digest]) => {
    const found = files[path];
    if (!found) return [`${path} is missing`];
    if (found.digest === "") return [`${path} is a link or no regular file`];
    return `sha256:${found.digest}` === digest
      ? []
      : [`${path}: its bytes have changed: expected ${digest}, found sha256:${found.digest}`];
  });
  const added = Object.keys(files).filter((path) => !expected.has(path));
  return [...changed, ...added.map((path) => `${path} does not belong to it`)];
}
