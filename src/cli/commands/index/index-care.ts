/** `ocellus index check`, `export` and `import`: what is damaged of a collection, and copies of it. */
import { resolve } from "node:path";
import { OcellusError, printable } from "../../../core/base/index.js";
import { type CollectionCheck, titleOf } from "../../../retrieval/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { type CollectionsFlags, collectionsOf } from "./collections-option.js";

type IndexFlags = GlobalFlags & CollectionsFlags;

/** Names that are printed; --json has them all. */
const mostShown = 20;

export async function indexCheck(
  name: string,
  flags: IndexFlags & { readonly repair?: boolean },
  terminal: Terminal,
): Promise<void> {
  const { repair = false, json } = flags;
  const collection = await collectionsOf(flags).open(name);
  const found = await (repair ? collection.repair() : collection.check());
  const { entries, lost, damagedImages, damagedFiles } = found;
  const images = damagedImages.map(({ id, source, page }) => ({ id, source, ...(page !== undefined && { page }) }));
  const isWhole = lost.length + images.length + damagedFiles.length === 0;
  const repaired = repair && !isWhole;
  if (json) printJson(terminal, { collection: name, entries, lost, images, files: damagedFiles, repaired });
  else for (const line of report(name, found, repair)) printLine(terminal, printable(line));
  if (isWhole || repair) return;
  throw new OcellusError(
    "invalid_file",
    `${name} is damaged; \`ocellus index check ${name} --repair\` keeps the intact entries`,
    {
      details: { lost: lost.length, images: images.length, files: damagedFiles },
    },
  );
}

function report(name: string, found: CollectionCheck, isRepaired: boolean): string[] {
  const { entries, lost, damagedImages, damagedFiles } = found;
  const images = damagedImages
    .slice(0, mostShown)
    .map((entry) => `the image of #${entry.id} ${titleOf(entry)} is damaged`);
  if (damagedImages.length > mostShown) images.push(`… ${damagedImages.length} images in total`);
  const isLost = lost.length + damagedImages.length > 0;
  const isWhole = !isLost && damagedFiles.length === 0;
  const hint = isLost ? "; add the sources again to restore lost entries; removed entries may have returned" : "";
  return [
    ...damagedFiles.map((file) => `${file} is damaged or missing`),
    ...lost.slice(0, mostShown).map(lostLine),
    ...images,
    `${name}: ${entries} entries can be found${isWhole ? ", all intact" : ""}`,
    ...(isRepaired && !isWhole ? [`repaired${hint}`] : []),
  ];
}

function lostLine({ at, bytes, sources }: CollectionCheck["lost"][number]): string {
  const names = sources.length === 0 ? "its sources cannot be read" : sources.slice(0, mostShown).join(", ");
  return `lost: ${bytes} bytes at byte ${at} of the log: ${names}`;
}

export async function indexExport(name: string, folder: string, flags: IndexFlags, terminal: Terminal): Promise<void> {
  const path = resolve(folder);
  const collections = collectionsOf(flags);
  await collections.export(name, path);
  const { size } = await collections.open(name);
  if (flags.json) return printJson(terminal, { collection: name, entries: size, folder: path });
  printLine(terminal, `${name}: ${size} entries in ${path}`);
}

export async function indexImport(name: string, folder: string, flags: IndexFlags, terminal: Terminal): Promise<void> {
  const { size } = await collectionsOf(flags).import(name, resolve(folder));
  if (flags.json) return printJson(terminal, { collection: name, entries: size });
  printLine(terminal, `${name}: ${size} entries`);
}
