/** The size of a folder on disk: what `pack`, `cache` and `doctor` report. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of all files below `path`; 0 when it does not exist. A file that goes away meanwhile counts nothing. */
export async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(names.map((name) => fileBytes(join(path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function fileBytes(path: string): Promise<number> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : 0),
    () => 0,
  );
}
