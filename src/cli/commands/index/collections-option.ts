/** `--collections FOLDER`: where the collections of a command lie; without it, in this user's data folder. */
import { Option } from "commander";
import { type Collection, Collections, collectionsFolder } from "../../../retrieval/index.js";
import { printNotes, type Terminal } from "../../ui/terminal.js";

export interface CollectionsFlags {
  readonly collections?: string | undefined;
}

export function collectionsOption(): Option {
  return new Option(
    "--collections <folder>",
    "folder of the collections, as in `ocellus serve --collections` (default: this user's data folder)",
  );
}

export function collectionsOf({ collections }: CollectionsFlags): Collections {
  return new Collections(collections ?? collectionsFolder());
}

/** Says what of it is lost. */
export async function openCollection(name: string, flags: CollectionsFlags, terminal: Terminal): Promise<Collection> {
  const collection = await collectionsOf(flags).open(name);
  const numDamaged = collection.lost.length + (await collection.damagedInfoFiles()).length;
  const problem = `${name}: ${numDamaged} parts of its files are damaged; run \`ocellus index check ${name}\` for details`;
  if (numDamaged > 0) printNotes(terminal, [problem]);
  return collection;
}
