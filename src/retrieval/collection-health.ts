/** What is damaged of a collection, in words: which entries were there can often be read from what is left of them. */
import { OcellusError } from "../core/base/index.js";
import type { LogDamage } from "../core/fs/index.js";
import { digestOf, readAt } from "./collection-files.js";
import type { Entry } from "./entry.js";

export interface LostRecords {
  /** Where in the log, and how much of it. */
  readonly at: number;
  readonly bytes: number;
  /** Of the entries in it, as far as they can be read; one may be misspelt by the damage. */
  readonly sources: readonly string[];
}

export interface CollectionCheck {
  /** Those that can be found. */
  readonly entries: number;
  readonly lost: readonly LostRecords[];
  /** Entries that can be found, but whose small picture is damaged. */
  readonly damagedImages: readonly Entry[];
  /** Of `collection.json` and its copy, of which one is enough. */
  readonly damagedFiles: readonly string[];
}

/** Mark, lengths and checksum of a record. */
const fewestRecordBytes = 28;

export function mostRecordsIn({ bytes }: LogDamage): number {
  return Math.ceil(bytes / fewestRecordBytes);
}

export function lostIn({ at, bytes, head }: LogDamage): LostRecords {
  const found = head.toString("utf8").matchAll(/"source":"((?:[^"\\]|\\.){1,4096})"/g);
  return { at, bytes, sources: [...new Set(Array.from(found, ([, text]) => unescaped(text!)))] };
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text; // damaged as well
  }
}

/** Undefined when it is not as it was written. @throws `io`. */
export async function wholeImage(path: string, { image }: Entry): Promise<Uint8Array | undefined> {
  const { at, bytes, sha256 } = image;
  if (bytes === 0) return undefined; // found damaged when the collection was repaired
  const found = await readAt(path, at, bytes).catch((error: OcellusError) => {
    if (error.code === "invalid_file") return undefined;
    throw error;
  });
  return found && digestOf(found) === sha256 ? found : undefined;
}

/** @throws `invalid_file`. */
export function throwIfDamaged(folder: string, { lost, damagedImages }: CollectionCheck): void {
  if (lost.length + damagedImages.length === 0) return;
  throw new OcellusError(
    "invalid_file",
    `${folder}: ${lost.length} parts of the log and ${damagedImages.length} images are damaged; ` +
      "`ocellus index check` names them, and with --repair leaves them out",
    { details: { lost, images: damagedImages.map(({ id }) => id) } },
  );
}
