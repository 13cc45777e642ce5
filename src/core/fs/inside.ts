/**
 * Which files belong to a checkpoint folder: regular ones that are in it. A link may not lead out, since a folder from a
 * stranger would then choose which files of this machine are read, shown and copied. One layout is made of such links and
 * known: the cache of Hugging Face, where `snapshots/<commit>/` points into `blobs/` beside it.
 */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { ioError, OcellusError } from "../base/index.js";
import { notRegular } from "./file.js";

/** The path of a file in a folder, and its size. @throws `invalid_file` for a link out or what is no file; `not_found`, `io`. */
export async function fileInside(folder: string, name: string): Promise<{ path: string; sizeBytes: number }> {
  const path = join(folder, name);
  try {
    const [home, target] = await Promise.all([realpath(folder), realpath(path)]);
    if (!isInside(home, target)) {
      const message = `${path} is a link to ${target}, outside its folder; put the file itself there, or open it by its own path`;
      throw new OcellusError("invalid_file", message, { details: { path, target } });
    }
    const status = await stat(target);
    if (!status.isFile()) throw notRegular(path);
    return { path, sizeBytes: status.size };
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : ioError("open", path, cause);
  }
}

function isInside(home: string, target: string): boolean {
  if (target.startsWith(home + sep)) return true;
  const snapshots = dirname(home);
  return basename(snapshots) === "snapshots" && target.startsWith(join(dirname(snapshots), "blobs") + sep);
}
