/**
 * One writer at a time for one folder: a lock file beside it. It names its owner, and the owner touches it while at work,
 * so that what a killed process or another machine has left is told from work that is still going on.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ioError, OcellusError, throwIfAborted } from "../base/index.js";
import { isRunning, makeFolder } from "./folder.js";

const touchMs = 10_000;
/** Six touches missed: a process that lives has not slept so long, short of a suspended machine. */
const staleMs = 60_000;
/** Naming follows making within microseconds: a lock that has had no name for so long is of a process killed in between. */
const namelessMs = 2000;

interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another writer has to be waited for; what it throws ends the waiting. */
  readonly onWait?: ((owner: string) => void) | undefined;
  /** Between two looks at another's lock. Default 250: work of seconds. */
  readonly pollMs?: number;
}

/** Runs `body` alone among all processes that name the same folder. @throws as `takeFolderLock`, and what `body` throws. */
export async function withFolderLock<T>(folder: string, options: LockOptions, body: () => Promise<T>): Promise<T> {
  const release = await takeFolderLock(folder, options);
  try {
    return await body();
  } finally {
    await release();
  }
}

/** Returns what gives the lock back. @throws `aborted`, `io`, what `onWait` throws. */
export async function takeFolderLock(folder: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  const path = lockPath(folder);
  const own = await acquire(path, options);
  const touching = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), touchMs);
  touching.unref();
  return async () => {
    if (!held.delete(own)) return;
    clearInterval(touching);
    await rm(path, { force: true });
  };
}

/** Of this process: another lock with our id is left from another run, as in a container whose only process is always 1. */
const held = new Set<string>();

/** Is a writer at work there? */
export async function isLocked(folder: string): Promise<boolean> {
  const owner = await readOwner(lockPath(folder));
  return owner !== undefined && !(await isStale(lockPath(folder), owner));
}

function lockPath(folder: string): string {
  return `${folder}.lock`;
}

/** Returns what the lock says of us. */
async function acquire(path: string, { signal, onWait, pollMs = 250 }: LockOptions): Promise<string> {
  const own = `${hostname()} ${process.pid} ${randomBytes(4).toString("hex")}`;
  for (let waited = false; ; ) {
    throwIfAborted(signal);
    if (await create(path, own)) return own;
    const owner = await readOwner(path);
    if (owner === undefined) continue; // it has just been released
    if (await isStale(path, owner)) {
      await takeAway(path, owner);
      continue;
    }
    if (!waited) onWait?.(named(owner));
    waited = true;
    await sleep(pollMs, undefined, signal && { signal }).catch(() => {});
  }
}

async function create(path: string, own: string): Promise<boolean> {
  try {
    await makeFolder(dirname(path));
    writeFileSync(path, own, { flag: "wx" }); // at once: made and named with nothing in between
    held.add(own);
    return true;
  } catch (cause) {
    const { code } = cause as { code?: string };
    // ENOENT: somebody has removed the folder in between.
    if (code === "EEXIST" || code === "ENOENT" || code === "not_found") return false;
    throw cause instanceof OcellusError ? cause : ioError("write", path, cause);
  }
}

/** Read once more right before, so that the lock of a process that was faster to take it away stays. */
async function takeAway(path: string, owner: string): Promise<void> {
  if ((await readOwner(path)) !== owner) return;
  const away = `${path}.${randomBytes(4).toString("hex")}`;
  await rename(path, away).catch(() => {});
  await rm(away, { force: true });
}

function named(owner: string): string {
  const [host, pid] = owner.split(" ");
  return pid === undefined ? "another process" : `process ${pid} on ${host}`;
}

async function readOwner(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

async function isStale(path: string, owner: string): Promise<boolean> {
  const [host, pid] = owner.split(" ");
  const isOurs = Number(pid) === process.pid;
  if (host === hostname() && (isOurs ? !held.has(owner) : pid !== undefined && !isRunning(Number(pid)))) return true;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > (owner === "" ? namelessMs : staleMs);
}
