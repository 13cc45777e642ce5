/** Files and folders that appear whole or not at all: written under a temporary name, synced, renamed. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { ioError, OcellusError } from "../base/index.js";
import { cacheRoot, homeHint, whyNotMade } from "./homes.js";

/** `<target>.partial-<host>-<pid>-<random>`: names its owner, so that what a killed process left can be told and removed. */
function temporaryName(target: string): string {
  return `${target}.partial-${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Makes a folder and all that leads to it. @throws `io` */
export async function makeFolder(folder: string, hint = homeHint(folder)): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw ioError("make the folder", folder, whyNotMade(folder) ?? cause, hint);
  });
}

/**
 * Builds a folder under a temporary name and renames it into place. If `build` fails or is killed, `target` is as it
 * was; if another process was faster, its folder is kept unless `replace` is set.
 * @throws what `build` throws; `io` when the disk is full.
 */
export async function createFolderAtomically(
  target: string,
  replace: boolean,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(target);
  try {
    await makeFolder(dirname(target));
    await removeAbandoned(target);
    await mkdir(temporary);
    await build(temporary);
    await syncAll(temporary);
    if (replace) await rm(target, { recursive: true, force: true });
    await renameUnlessThere(temporary, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw (cause as { syscall?: string }).syscall ? ioError("write", target, cause, homeHint(target)) : cause;
  }
}

/** A folder that is replaced may not be one that is read, nor be around it. @throws `invalid_request` with reason "holds_source" */
export function refuseAround(source: string, into: string): void {
  const [outer, inner] = [resolve(into), resolve(source)];
  if (!`${inner}${sep}`.startsWith(`${outer}${sep}`)) return;
  throw new OcellusError("invalid_request", `${into} holds ${source}, which is read; name another folder to write`, {
    details: { reason: "holds_source", path: into, source },
  });
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    // Windows says EPERM both for a folder that is there and for one that may not be written.
    const code = (cause as { code?: string }).code ?? "";
    if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(code) || !(await pathExists(to))) throw cause;
    await rm(from, { recursive: true, force: true });
  }
}

/** Removes temporary folders of `target` whose process on this machine is gone. */
async function removeAbandoned(target: string): Promise<void> {
  const prefix = `${basename(target)}.partial-${hostname()}-`;
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split("-")[0]);
    if (!isRunning(pid)) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}

/** Whether a process of this machine is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (cause) {
    return (cause as { code?: string }).code === "EPERM";
  }
}

/** Makes a folder's files durable, then their names. */
async function syncAll(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await syncFile(join(folder, name));
  await syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, process.platform === "win32" ? "r+" : "r"); // Windows flushes only what it may write
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the entries of a folder durable; a no-op where folders cannot be opened (Windows). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** A folder and all in it, if it is there. @throws `io` */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch((cause: unknown) => {
    throw ioError("remove", folder, cause);
  });
}

/** A file that is there whole or not at all. */
export async function writeFileAtomically(path: string, contents: Uint8Array | string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, contents, { flush: true });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw ioError("write", path, cause, homeHint(path));
  }
}

/** A folder in the cache for the time of `body`, which gets its name; what a killed process left is removed first. */
export async function withTemporaryFolder<T>(name: string, body: (folder: string) => Promise<T>): Promise<T> {
  const target = join(cacheRoot(), name);
  const temporary = temporaryName(target);
  try {
    await makeFolder(temporary);
    await removeAbandoned(target);
    return await body(temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

export async function copyInto(folder: string, path: string): Promise<void> {
  try {
    await copyFile(path, join(folder, basename(path)));
  } catch (cause) {
    throw ioError("copy", path, cause);
  }
}

export async function pathExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A path from its parts, for the rooms that may not import node: modules. */
export function joinPath(...parts: readonly string[]): string {
  return join(...parts);
}

/** The last part of a path. */
export function baseName(path: string): string {
  return basename(path);
}
