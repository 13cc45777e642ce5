/**
 * Files by what is in them: `<root>/blobs/sha256/<hex>`, the folder of an OCI image layout. A file appears whole (temporary
 * name, fsync, rename) and is read-only from then on; what several versions share lies there once.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioError, throwIfAborted } from "../core/base/index.js";
import { fileDigest, makeFolder, type ReadOptions } from "../core/fs/index.js";

export type CopyOptions = ReadOptions;

const temporaryMark = ".partial-";
const defaultGraceMs = 3_600_000;

export class BlobStore {
  readonly folder: string;

  constructor(root: string) {
    this.folder = join(root, "blobs", "sha256");
  }

  path(digest: string): string {
    return join(this.folder, digest.slice("sha256:".length));
  }

  async has(digest: string): Promise<boolean> {
    return stat(this.path(digest)).then(
      () => true,
      () => false,
    );
  }

  /**
   * Copies a file in; what lies there by its digest and has other bytes is replaced.
   * @returns its digest and size @throws `io`, `aborted`; nothing is left half-written.
   */
  async add(path: string, options: CopyOptions = {}): Promise<{ digest: string; sizeBytes: number }> {
    await makeFolder(this.folder);
    const temporary = join(this.folder, `${temporaryMark}${process.pid}-${randomBytes(8).toString("hex")}`);
    try {
      const { digest, sizeBytes } = await copyHashed(path, temporary, options);
      const { signal } = options;
      if ((await this.check(digest, sizeBytes, { signal })) === undefined) await rm(temporary);
      else await rename(temporary, this.path(digest));
      await chmod(this.path(digest), 0o444); // read-only; and its ctime says that somebody wants it now, see `keepOnly`
      return { digest, sizeBytes };
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      throw (cause as { syscall?: string }).syscall ? ioError("store", path, cause) : cause;
    }
  }

  /** Reads the file and compares. @returns what is wrong with it, if anything */
  async check(digest: string, sizeBytes: number, options: CopyOptions = {}): Promise<string | undefined> {
    const found = await stat(this.path(digest)).catch(() => undefined);
    if (!found) return "it is missing";
    if (found.size !== sizeBytes) return `expected ${sizeBytes} bytes, found ${found.size}`;
    const actual = `sha256:${await fileDigest(this.path(digest), options)}`;
    return actual === digest ? undefined : `its bytes have changed: expected ${digest}, found ${actual}`;
  }

  /**
   * Removes all but these, and what killed processes left.
   * @param graceMs files stored within it stay: a publication under way may need them
   * @returns the bytes that came free
   */
  async keepOnly(digests: ReadonlySet<string>, graceMs = defaultGraceMs): Promise<number> {
    let freed = 0;
    for (const name of await readdir(this.folder).catch(() => [])) {
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => undefined);
      if (!found || digests.has(`sha256:${name}`) || Date.now() - found.ctimeMs < graceMs) continue;
      await rm(path, { force: true }).catch((cause: unknown) => {
        throw ioError("remove", path, cause);
      });
      freed += found.size;
    }
    return freed;
  }
}

async function copyHashed(from: string, to: string, { signal, onBytes }: CopyOptions) {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const target = await open(to, "wx");
  try {
    for await (const piece of readPieces(from)) {
      throwIfAborted(signal);
      hash.update(piece);
      await writeAll(target, piece);
      sizeBytes += piece.length;
      onBytes?.(piece.length);
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return { digest: `sha256:${hash.digest("hex")}`, sizeBytes };
}

async function writeAll(target: Awaited<ReturnType<typeof open>>, piece: Buffer): Promise<void> {
  for (let offset = 0; offset < piece.length; ) offset += (await target.write(piece, offset)).bytesWritten;
}

/** Pieces large enough that neither the disk nor the hash waits for JavaScript. */
function readPieces(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: 4 * 2 ** 20 });
}
