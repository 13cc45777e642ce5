/** A whole collection into the files of one generation: for a rewritten log, a repaired one, and a snapshot. */
import { rm } from "node:fs/promises";
import { encodeLogRecord } from "../core/fs/index.js";
import { digestOf, fileOf, writeParts } from "./collection-files.js";
import { type CollectionInfo, writeInfo } from "./collection-info.js";
import type { Entry } from "./entry.js";

export interface Contents {
  readonly entries: readonly Entry[];
  /** Greater than every id that was ever given. */
  readonly nextId: number;
  readonly vectorOf: (entry: Entry) => Float32Array;
  /** Undefined where it is damaged. */
  readonly imageOf: (entry: Entry) => Promise<Uint8Array | undefined>;
}

/** Its entries as they lie there now, and where the log ends. Nothing is left of it when it fails. @throws `io`. */
export async function writeCollection(
  folder: string,
  info: CollectionInfo,
  { entries, nextId, vectorOf, imageOf }: Contents,
): Promise<{ readonly entries: readonly Entry[]; readonly position: number }> {
  const [imagesPath, logPath] = [fileOf(folder, "images", info), fileOf(folder, "entries", info)];
  const moved: Entry[] = [];
  let at = 0;
  const move = async (entry: Entry): Promise<Uint8Array> => {
    const image = await imageOf(entry);
    moved.push(image ? { ...entry, image: { ...entry.image, at } } : withoutImage(entry, at));
    at += image?.length ?? 0;
    return image ?? new Uint8Array();
  };
  try {
    await writeParts(imagesPath, entries, move);
    // A caller that holds the id of a removed entry must not find another's picture under it.
    const isLast = moved.some(({ id }) => id === nextId - 1);
    const highest = encodeLogRecord({ removed: isLast || nextId === 0 ? [] : [nextId - 1] });
    const position = await writeParts(
      logPath,
      moved,
      async (entry) => encodeLogRecord(entry, vectorOf(entry)),
      highest,
    );
    await writeInfo(folder, info);
    return { entries: moved, position };
  } catch (error) {
    for (const path of [imagesPath, logPath]) await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

/** Without its stamp, so that it counts as changed and is added again with its picture. */
function withoutImage({ stamp: _, ...entry }: Entry, at: number): Entry {
  return { ...entry, image: { at, bytes: 0, sha256: digestOf(new Uint8Array()) } };
}
