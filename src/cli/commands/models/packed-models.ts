/** The packed models in the cache of this machine. They can always be packed again from their checkpoints. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "../../../core/fs/index.js";
import { folderBytes } from "./folder-bytes.js";

export interface PackedModel {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
}

export function packedFolder(): string {
  return join(cacheRoot(), "packed");
}

export async function packedModels(): Promise<PackedModel[]> {
  const names = (await readdir(packedFolder()).catch(() => [])).sort();
  return Promise.all(
    names.map(async (name) => {
      const folder = join(packedFolder(), name);
      return { name, folder, bytes: await folderBytes(folder) };
    }),
  );
}
