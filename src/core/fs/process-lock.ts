/**
 * One process a folder, said by a file that holds its id: whoever finds it refuses, unless that process is no more. It guards
 * against a second server by mistake; processes that cannot see each other (two containers, one volume) are not kept apart.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ioError, OcellusError } from "../base/index.js";

/** Of this process: a file with our own id is otherwise left from another run, as in a container whose only process is always 1. */
const held = new Set<string>();

/** Returns what gives the folder back. @throws `unavailable` when another holds it, `io`. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), "in-use-by");
  if (held.has(path)) throw inUse(folder, path, process.pid);
  held.add(path);
  try {
    await take(folder, path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    if (!held.has(path)) return;
    await rm(path, { force: true }).catch(() => {});
    held.delete(path);
  };
}

async function take(folder: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      return await writeFile(path, `${process.pid}\n`, { flag: "wx" });
    } catch (cause) {
      if ((cause as { code?: string }).code !== "EEXIST")
        throw ioError("lock the folder of kept pictures", folder, cause);
    }
    const holder = Number(await readFile(path, "utf8").catch(() => ""));
    if (holder !== process.pid && isAlive(holder)) throw inUse(folder, path, holder);
    await rm(path, { force: true });
  }
  throw inUse(folder, path, undefined); // another one was faster
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM"; // somebody else's
  }
}

function inUse(folder: string, path: string, holder: number | undefined): OcellusError {
  const who = holder === undefined ? "another process" : `process ${holder}`;
  return new OcellusError(
    "unavailable",
    `${folder} is in use by ${who}: kept pictures belong to one process; name another folder, stop that process, ` +
      `or delete ${path} if there is none`,
    { details: { folder, path, holder } },
  );
}
