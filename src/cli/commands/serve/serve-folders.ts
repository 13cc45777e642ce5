/** The folders that a server or a batch is to use are there before it begins: a mistyped name makes none. */
import { dirname, resolve } from "node:path";
import { OcellusError } from "../../../core/base/index.js";
import { pathExists } from "../../../core/fs/index.js";
import { checkFolder } from "../../../rollout/index.js";
import type { ServeConfig } from "./settings.js";

type Folders = Partial<Pick<ServeConfig, "registry" | "databaseUrl" | "collections" | "collectionsReadOnly">>;

/** @throws `not_found`, as `checkFolder` */
export async function checkFolders(config: Folders): Promise<void> {
  const { registry, databaseUrl, collections, collectionsReadOnly } = config;
  if (registry !== undefined) await checkFolder({ folder: registry, databaseUrl, ifMissing: "refuse" });
  if (collections === undefined || (await pathExists(collections))) return;
  const around = dirname(resolve(collections));
  if (!collectionsReadOnly && (await pathExists(around))) return; // the first collection makes it
  const missing = collectionsReadOnly ? collections : around;
  throw new OcellusError("not_found", `--collections ${collections}: folder ${missing} does not exist`, {
    details: { folder: missing },
  });
}
