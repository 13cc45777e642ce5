/**
 * One writer at a time for one folder: a lock file beside it. It names its owner, and the owner touches it while at work,
 * so that what a killed process or another machine has left is told from work that is still going on.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile, rename, rm, rmdir, stat, utimes } from "node:fs/promises";
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
  /** Called once when another writer has to be waited for. */
  readonly onWait?: ((owner: string) => void) | undefined;
  /** Between two looks at another's lock. Default 250: work of seconds. */
  readonly pollMs?: number;
}

/** Runs `body` alone among all processes that name the same folder. */
export async function withFolderLock<T>(folder: string, options: LockOptions, body: () => Promise<T>): Promise<T> {
  const path = lockPath(folder);
  await acquire(path, options);
  const touching = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), touchMs);
  touching.unref();
  try {
    return await body();
  } finally {
    clearInterval(touching);
    await rm(path, { force: true });
    await rmdir(dirname(path)).catch(() => {}); // unless something else is in it
  }
}

/** Is a writer at work there? */
export async function isLocked(folder: string): Promise<boolean> {
  const owner = await readOwner(lockPath(folder));
  return owner !== undefined && !(await isStale(lockPath(folder), owner));
}

function lockPath(folder: string): string {
  return `${folder}.lock`;
}

async function acquire(path: string, { signal, onWait, pollMs = 250 }: LockOptions): Promise<void> {
  const own = `${hostname()} ${process.pid} ${randomBytes(4).toString("hex")}`;
  for (let waited = false; ; ) {
    throwIfAborted(signal);
    if (await create(path, own)) return;
    const owner = await readOwner(path);
    if (owner === undefined) continue; // it has just been released
    if (await isStale(path, owner)) {
      await takeAway(path, owner);
      continue;
    }
    if (!waited) onWait?.(`process ${owner.split(" ")[1]} on ${owner.split(" ")[0]}`);
    waited = true;
    await sleep(pollMs, undefined, signal && { signal }).catch(() => {});
  }
}

async function create(path: string, own: string): Promise<boolean> {
  try {
    await makeFolder(dirname(path));
    writeFileSync(path, own, { flag: "wx" }); // at once: made and named with nothing in between
    return true;
  } catch (cause) {
    const { code } = cause as { code?: string };
    // ENOENT: work that has just ended has removed the empty folder.
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

async function readOwner(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

async function isStale(path: string, owner: string): Promise<boolean> {
  const [host, pid] = owner.split(" ");
  if (host === hostname() && pid !== undefined && !isRunning(Number(pid))) return true;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > (owner === "" ? namelessMs : staleMs);
}
