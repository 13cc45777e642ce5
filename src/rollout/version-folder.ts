/**
 * A version's folder of links to stored files, to load from: made when it is first wanted, and put right where a stored file
 * has been replaced since. A link keeps its old bytes then, which may be the damaged ones that were the reason.
 */
import { randomBytes } from "node:crypto";
import { link, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { ioError } from "../core/base/index.js";
import { createFolderAtomically, makeFolder, pathExists } from "../core/fs/index.js";
import type { BlobStore } from "./blobs.js";
import type { ManifestFile } from "./manifest.js";

/** Makes the folder, or links what is no link to its stored file. @throws `not_found`, `io` */
export async function linkFolder(blobs: BlobStore, folder: string, files: readonly ManifestFile[]): Promise<void> {
  if (await pathExists(folder)) {
    for (const file of files) if (!(await isLinked(blobs, folder, file))) await relink(blobs, folder, file);
    return;
  }
  await createFolderAtomically(folder, false, async (target) => {
    for (const file of files) {
      const place = placeOf(target, file);
      await makeFolder(dirname(place));
      await link(blobs.path(file.digest), place);
    }
  });
}

/** The paths of what is in a folder and is not the version's; none where there is no folder. */
export async function strangeFiles(folder: string, files: readonly ManifestFile[]): Promise<string[]> {
  const known = new Set(files.map(({ path }) => path));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    )
    .filter((path) => !known.has(path))
    .sort();
}

/** Whether a file of the folder is its stored file, or there is no such folder. */
export async function isLinked(blobs: BlobStore, folder: string, file: ManifestFile): Promise<boolean> {
  const identity = (path: string) =>
    stat(path, { bigint: true }).then(
      ({ dev, ino }) => `${dev} ${ino}`,
      () => undefined,
    );
  if (!(await pathExists(folder))) return true;
  return (await identity(placeOf(folder, file))) === (await identity(blobs.path(file.digest)));
}

/** Under a temporary name first: a server may open the file in the same moment. */
async function relink(blobs: BlobStore, folder: string, file: ManifestFile): Promise<void> {
  const place = placeOf(folder, file);
  const temporary = `${folder}.link-${process.pid}-${randomBytes(4).toString("hex")}`; // beside it: inside it would be strange
  await makeFolder(dirname(place));
  try {
    await link(blobs.path(file.digest), temporary);
    await rename(temporary, place);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw ioError("link", place, cause);
  }
}

export function placeOf(folder: string, { path }: ManifestFile): string {
  return join(folder, ...path.split("/"));
}
