/** Whether a folder is a registry, or may become one: a mistyped name makes none, and none is made among other files. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ioError, nearestHint, nearestNames, OcellusError } from "../core/base/index.js";

export interface RegistryLocation {
  readonly folder: string;
  readonly databaseUrl?: string | undefined;
  readonly ifMissing?: "make" | "refuse" | undefined;
}

/** Of one without files yet, the database's is the first. */
const [databaseFile, blobs] = ["registry.db", "blobs"];

/** @throws `not_found` for no registry, or no folder to make one in; `invalid_request` for a folder with other files; `io` */
export async function checkFolder({ folder, databaseUrl, ifMissing = "make" }: RegistryLocation): Promise<void> {
  const names = await readdir(folder).catch((cause: { code?: string }) => {
    if (cause.code === "ENOENT") return undefined;
    throw ioError("read the registry", folder, cause);
  });
  if (names?.includes(databaseFile) || names?.includes(blobs)) return;
  if (ifMissing === "refuse") {
    if (names && databaseUrl !== undefined) return; // its journal lies elsewhere, and nothing was published yet
    throw await missing(folder, names !== undefined);
  }
  if (names && names.length > 0)
    throw new OcellusError(
      "invalid_request",
      `${folder} holds other files (${names.slice(0, 3).join(", ")}); name an empty folder, or a new one, for a registry`,
      { details: { folder } },
    );
  if (!names && !(await isFolder(dirname(resolve(folder)))))
    throw new OcellusError(
      "not_found",
      `cannot make a registry in ${folder}: ${dirname(resolve(folder))} is no folder; make it first, if the name is right`,
      { details: { folder } },
    );
}

async function missing(folder: string, isThere: boolean): Promise<OcellusError> {
  const around = await readdir(dirname(resolve(folder))).catch(() => []);
  const hint = isThere ? "" : nearestHint(basename(folder), around);
  return new OcellusError(
    "not_found",
    `there is no registry in ${join(folder)}${hint}; \`ocellus rollout publish\` makes one`,
    { details: { folder, nearest: isThere ? [] : nearestNames(basename(folder), around) } },
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
