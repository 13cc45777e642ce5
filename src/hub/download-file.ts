/**
 * One file from the hub into a folder: `NAME.part` grows, is kept whatever happens, continued by the next attempt or the
 * next run, and gets its name only when its digest is the listed one. A file with its name needs no further check.
 *
 * No If-Range: storage hosts name a file by an ETag that the listing does not know. The address holds the commit, so the
 * bytes cannot change; the hub's stated digest is compared where it gives one, and the listed digest always, at the end.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ioError, OcellusError } from "../core/base/index.js";
import { makeFolder } from "../core/fs/index.js";
import type { Hub } from "./hub.js";
import type { RemoteFile } from "./remote-files.js";
import { type Answer, bodyOf, request } from "./request.js";
import { Retryable, withRetries } from "./retry.js";

/** So much between two failures and the retries start again: a poor connection gets on, a dead one ends. */
const progressBytes = 2 ** 20;

export interface DownloadOptions {
  readonly repo: string;
  readonly commit: string;
  /** Bytes written since the last call; negative when a part had to be thrown away. */
  readonly onBytes: (delta: number) => void;
  readonly signal?: AbortSignal;
}

/** @throws `invalid_file` for wrong bytes (the part is gone then), `io`, `aborted` and what `request` throws. */
export async function downloadFile(
  hub: Hub,
  file: RemoteFile,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const path = join(folder, file.path);
  await makeFolder(dirname(path));
  const part = await openPart(`${path}.part`);
  try {
    await fillPart(hub, file, part, options);
    await part.sync();
  } catch (cause) {
    throw (cause as { syscall?: string }).syscall ? ioError("write", path, cause) : cause;
  } finally {
    await part.close();
  }
  await rename(`${path}.part`, path);
}

async function openPart(path: string): Promise<FileHandle> {
  try {
    return await open(path, "a+");
  } catch (cause) {
    throw ioError("write", path, cause);
  }
}

async function fillPart(hub: Hub, file: RemoteFile, part: FileHandle, options: DownloadOptions): Promise<void> {
  let brought = 0;
  const onBytes = (delta: number) => {
    brought += delta;
    options.onBytes(delta);
  };
  const hasProgressed = () => {
    const enough = brought >= progressBytes;
    brought = 0;
    return enough;
  };
  const attempt = () => tryToFill(hub, file, part, { ...options, onBytes });
  const digest = await withRetries({ delayMs: hub.retryDelayMs, signal: options.signal, hasProgressed }, attempt);
  if (digest === file.digest) return;
  await empty(part, file.sizeBytes, onBytes);
  throw wrongBytes(file, digest, options);
}

/** From where the part ends to the file's end, in one request. Resolves to the digest of the whole. */
async function tryToFill(hub: Hub, file: RemoteFile, part: FileHandle, options: DownloadOptions): Promise<string> {
  let position = (await part.stat()).size;
  if (position > file.sizeBytes) position = await empty(part, position, options.onBytes);
  let hash = await hashOf(file, part, position);
  if (position === file.sizeBytes) return hash.digest("hex");
  const answer = await request(hub, addressOf(hub, file, options), {
    ...options,
    headers: position > 0 ? { range: `bytes=${position}-` } : {},
  });
  if (position > 0 && !continuesAt(position, file, answer)) {
    position = await empty(part, position, options.onBytes);
    if (answer.response.status !== 200) {
      await answer.response.body?.cancel();
      throw new Retryable(new OcellusError("io", `${file.path}: ${hub.endpoint} sends another range than asked for`));
    }
    hash = newHash(file); // the server has sent the whole file instead
  }
  for await (const piece of bodyOf(hub, answer.response, options.signal)) {
    if (position + piece.length > file.sizeBytes) {
      await empty(part, position, options.onBytes);
      throw wrongBytes(file, `more than ${file.sizeBytes} bytes`, options);
    }
    await part.appendFile(piece);
    hash.update(piece);
    position += piece.length;
    options.onBytes(piece.length);
  }
  if (position === file.sizeBytes) return hash.digest("hex");
  const message = `${file.path}: the connection ended after ${position} of ${file.sizeBytes} bytes; run the same command again to continue`;
  throw new Retryable(new OcellusError("io", message, { details: { position, sizeBytes: file.sizeBytes } }));
}

function addressOf(hub: Hub, file: RemoteFile, { repo, commit }: DownloadOptions): string {
  return `${hub.endpoint}/${repo}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
}

function continuesAt(position: number, file: RemoteFile, { response, statedDigest }: Answer): boolean {
  if (statedDigest?.length === file.digest.length && statedDigest !== file.digest) return false;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  return response.status === 206 && Number(start) === position && (total === "*" || Number(total) === file.sizeBytes);
}

async function empty(part: FileHandle, position: number, onBytes: (delta: number) => void): Promise<0> {
  await part.truncate(0);
  onBytes(-position);
  return 0;
}

function newHash({ digestKind, sizeBytes }: RemoteFile): Hash {
  return digestKind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${sizeBytes}\0`);
}

/** A hash that has seen what earlier runs left of the file. */
async function hashOf(file: RemoteFile, part: FileHandle, numBytes: number): Promise<Hash> {
  const hash = newHash(file);
  if (numBytes === 0) return hash;
  const kept = part.createReadStream({ start: 0, end: numBytes - 1, autoClose: false, highWaterMark: 2 ** 20 });
  for await (const piece of kept) hash.update(piece as Buffer);
  return hash;
}

function wrongBytes(file: RemoteFile, found: string, { repo }: DownloadOptions): OcellusError {
  return new OcellusError(
    "invalid_file",
    `${repo}: ${file.path} came with wrong bytes: expected ${file.digestKind} ${file.digest}, found ${found}; ` +
      "they are deleted: run the same command again to fetch the file anew",
    { details: { repo, path: file.path, expected: file.digest, found } },
  );
}
