/**
 * `ocellus index add COLLECTION …` and `index sync`: pictures and pages of PDFs into a collection. What is there unchanged is
 * passed over, so that the same command continues after an interruption, and after a change in the folder. `sync` also tells,
 * and with `--prune` removes, what the collection has and the sources have not.
 */

import { readFile, stat } from "node:fs/promises";
import { ioError, OcellusError, printable, throwIfAborted } from "../../../core/base/index.js";
import { isPdf, maxPdfBytes, PdfDocument } from "../../../core/pdf/index.js";
import { loadTextReader, type TextReader } from "../../../core/runtime/index.js";
import { mapConcurrently } from "../../../evals/index.js";
import {
  type Collection,
  checkName,
  type Entry,
  type ImageEmbedder,
  type IndexKind,
  type Intake,
  keptName,
  modelOf,
  type PrepareOptions,
  pageIntake,
  prepareEntry,
  titleOf,
} from "../../../retrieval/index.js";
import type { ModelFlags } from "../../options.js";
import { formatSeconds, startProgress } from "../../ui/progress.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { withEmbedder } from "../models/open-embedder.js";
import { type CollectionsFlags, collectionsOf } from "./collections-option.js";
import { type FailedSource, readSources, type Source, type Sources } from "./index-sources.js";

export interface IndexAddFlags extends ModelFlags, CollectionsFlags {
  readonly kind?: IndexKind;
  readonly keep?: number;
  readonly readText?: boolean;
}

export interface IndexSyncFlags extends IndexAddFlags {
  readonly prune?: boolean;
}

interface AddOptions extends Pick<PrepareOptions, "textReader"> {
  readonly keepSide: number | undefined;
}

interface NamedSource extends Source {
  /** What its entries are called: a guardrail may have cut something out of the name. */
  readonly keptAs: string;
}

interface Tally {
  added: number;
  /** Unchanged since they were added. */
  known: number;
  /** Whose old entry went. */
  replaced: number;
  readonly duplicates: { readonly title: string; readonly of: string }[];
  readonly failed: FailedSource[];
  /** Files that are no pictures, by their kind. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Of a synchronisation: entries whose source is not among the sources, and how many of them were removed. */
  gone?: number;
  pruned?: number;
}

/** A model works on one picture at a time: while it does, the next one is decoded. */
const atOnce = 2;
/** Failures and duplicates that are printed; --json has them all. */
const mostShown = 20;

export async function indexAdd(name: string, names: readonly string[], flags: IndexAddFlags, terminal: Terminal) {
  await fill(name, names, flags, terminal, async () => {});
}

/** As `indexAdd`; the sources are all that the collection is to have. */
export async function indexSync(name: string, names: readonly string[], flags: IndexSyncFlags, terminal: Terminal) {
  await fill(name, names, flags, terminal, async (collection, { sources, isIncomplete }, tally) => {
    const present = new Set(sources.map(({ keptAs }) => keptAs));
    const gone = [...collection.entries()].filter(({ source }) => !present.has(source));
    tally.gone = gone.length;
    tally.pruned = flags.prune && !isIncomplete ? await collection.remove(gone.map(({ id }) => id)) : 0;
    if (flags.prune && isIncomplete && gone.length > 0)
      printNotes(terminal, ["nothing was removed: missing sources may be in folders or lines that could not be read"]);
  });
}

async function fill(
  name: string,
  names: readonly string[],
  flags: IndexAddFlags,
  terminal: Terminal,
  finish: (collection: Collection, read: Sources<NamedSource>, tally: Tally) => Promise<void>,
): Promise<void> {
  const read = await readSources(names);
  const started = performance.now();
  const skipped = Object.fromEntries(read.skipped);
  const tally: Tally = { added: 0, known: 0, replaced: 0, duplicates: [], failed: [...read.failed], skipped };
  const work = async (embedder: ImageEmbedder, textReader?: TextReader) => {
    const collection = await openOrCreate(name, embedder, flags);
    const sources = await nameSources(collection, embedder, read.sources, tally);
    const add = { keepSide: flags.keep, textReader };
    await addAll(collection, embedder, sources, tally, add, flags, terminal).finally(() => collection.save());
    await finish(collection, { ...read, sources }, tally);
    return collection.size;
  };
  const size = await withTextReader(flags, (textReader) =>
    withEmbedder(flags, terminal, (embedder) => work(embedder, textReader)),
  );
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) printJson(terminal, { collection: name, size, ...tally, seconds });
  else printTally(name, size, tally, seconds, terminal);
  const { failed } = tally;
  if (failed.length === 0) return;
  const total = read.sources.length + read.failed.length;
  throw new OcellusError("invalid_file", `${failed.length} of the ${total} sources could not be read`, {
    details: { failed: failed.slice(0, mostShown) },
  });
}

async function withTextReader<T>(
  { readText }: IndexAddFlags,
  work: (textReader?: TextReader) => Promise<T>,
): Promise<T> {
  if (!readText) return work();
  const textReader = await loadTextReader();
  try {
    return await work(textReader);
  } finally {
    await textReader.close();
  }
}

async function openOrCreate(name: string, embedder: ImageEmbedder, flags: IndexAddFlags): Promise<Collection> {
  const { kind } = flags;
  const collections = collectionsOf(flags);
  if (!(await collections.has(name))) {
    await checkName(name, embedder);
    const model = await modelOf(embedder);
    try {
      return await collections.create(name, kind ?? "exact", model);
    } catch (error) {
      if (!(await collections.has(name))) throw error; // another one has just made it
    }
  }
  const collection = await collections.open(name);
  if (kind === undefined || collection.info.kind === kind) return collection;
  throw new OcellusError(
    "invalid_request",
    `${name} already exists with index type ${collection.info.kind}; leave --kind out`,
  );
}

/** Two sources with one kept name would take each other's place at every run: the later one fails. @throws as `admitText`. */
async function nameSources(
  collection: Collection,
  embedder: ImageEmbedder,
  sources: readonly Source[],
  tally: Tally,
): Promise<NamedSource[]> {
  const named = new Map<string, NamedSource>();
  for (const each of sources) {
    const keptAs = await keptName(collection, each.source, embedder);
    const other = named.get(keptAs);
    if (!other) named.set(keptAs, { ...each, keptAs });
    else {
      const problem = `${each.source}: stored under the same name as ${other.source} (${keptAs}); rename one of them`;
      tally.failed.push({ source: each.source, problem });
    }
  }
  return [...named.values()];
}

async function addAll(
  collection: Collection,
  embedder: ImageEmbedder,
  sources: readonly NamedSource[],
  tally: Tally,
  options: AddOptions,
  flags: IndexAddFlags,
  terminal: Terminal,
): Promise<void> {
  const progress = startProgress(terminal, {
    label: "index",
    describe: (state) =>
      `${state.done} of ${state.total}, ${state.perSecond.toFixed(1)}/s, ${formatSeconds(state.secondsLeft)} left`,
    silent: flags.json === true,
  });
  let done = 0;
  const work = async (source: NamedSource) => {
    try {
      await addSource(collection, embedder, source, tally, options, terminal.signal);
    } catch (error) {
      if (!isFaultOfSource(error, source)) throw error;
      tally.failed.push({ source: source.source, problem: error.message });
    }
    progress.update(++done, sources.length);
  };
  try {
    await mapConcurrently(sources, atOnce, work);
  } finally {
    progress.stop();
  }
}

/** One bad file of many is told at the end; a full disk or a wrong model ends the command. */
function isFaultOfSource(error: unknown, { image }: Source): error is OcellusError {
  if (!(error instanceof OcellusError)) return false;
  const codes = ["invalid_image", "invalid_file", "too_large", "not_found"];
  return codes.includes(error.code) || (error.code === "io" && error.details.path === image);
}

async function addSource(
  collection: Collection,
  embedder: ImageEmbedder,
  { source, keptAs, image, text, metadata, stamp: unread }: NamedSource,
  tally: Tally,
  options: AddOptions,
  signal: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  await collection.refresh(); // another command may have added it by now
  const { keepSide, textReader } = options;
  const stamp = textReader ? `${unread}-read` : unread; // what was added without its text is added again
  const before = collection.ofSource(keptAs);
  const current: number[] = [];
  const labels = { ...(text !== undefined && { text }), ...(metadata && { metadata }) };
  const addOne = async (intake: () => Promise<Intake>, page?: number) => {
    const known = before.find((entry) => entry.page === page && entry.stamp === stamp);
    if (known) tally.known++;
    const entry = known ?? (await addEntry(collection, embedder, await intake(), tally, { textReader, signal }));
    current.push(entry.id);
  };
  const isImage = before.some((entry) => entry.page === undefined && entry.stamp === stamp);
  const pdf = isImage ? undefined : await openPdf(image);
  if (!pdf) await addOne(async () => ({ source, stamp, image, keepSide, ...labels }));
  else
    try {
      for (let page = 1; page <= pdf.numPages; page++)
        await addOne(() => pageIntake(pdf, page, { source, stamp, keepSide, ...labels }, signal), page);
    } finally {
      await pdf.close();
    }
  // Not `+= await`: that would read the count before others beside this one have added to it.
  const replaced = await collection.remove(before.map(({ id }) => id).filter((id) => !current.includes(id)));
  tally.replaced += replaced;
}

async function addEntry(
  collection: Collection,
  embedder: ImageEmbedder,
  intake: Intake,
  tally: Tally,
  options: PrepareOptions,
): Promise<Entry> {
  const [put] = await collection.put([await prepareEntry(collection, embedder, intake, options)]);
  const { entry, isNew, replaced } = put!;
  if (isNew) tally.added++;
  else tally.known++;
  tally.replaced += replaced;
  const twin = collection
    .withPixels(entry.pixels)
    .find((other) => other.id < entry.id && other.source !== entry.source);
  if (isNew && twin) tally.duplicates.push({ title: titleOf(entry), of: titleOf(twin) });
  return entry;
}

/** Undefined for a picture. */
async function openPdf(path: string): Promise<PdfDocument | undefined> {
  if (!/\.pdf$/i.test(path)) return undefined;
  const reading = (cause: unknown) => Promise.reject(ioError("read the PDF", path, cause));
  const { size } = await stat(path).catch(reading);
  if (size > maxPdfBytes)
    throw new OcellusError(
      "too_large",
      `${path}: expected a PDF of at most ${maxPdfBytes} bytes, found ${size}; split it`,
    );
  const bytes = await readFile(path).catch(reading);
  if (!isPdf(bytes)) throw new OcellusError("invalid_file", `${path}: expected a PDF, found something else`);
  return PdfDocument.open(bytes, path);
}

function printTally(name: string, size: number, tally: Tally, seconds: number, terminal: Terminal): void {
  const { added, known, replaced, duplicates, failed, skipped, gone = 0, pruned = 0 } = tally;
  for (const { title, of } of duplicates.slice(0, mostShown))
    printLine(terminal, `${printable(title)} = ${printable(of)}`);
  if (duplicates.length > mostShown)
    printLine(terminal, `… ${duplicates.length} duplicates in total: ocellus index duplicates ${name}`);
  printNotes(
    terminal,
    failed.slice(0, mostShown).map(({ problem }) => problem),
  );
  const kinds = Object.entries(skipped).map(([kind, count]) => `${count} ${kind}`);
  if (kinds.length > 0) printLine(terminal, `skipped: ${printable(kinds.slice(0, mostShown).join(", "))}`);
  if (gone > pruned) printLine(terminal, `${gone - pruned} entries have no source any more; --prune removes them`);
  const parts = [
    `${added} added in ${formatSeconds(seconds)}`,
    ...(known > 0 ? [`${known} unchanged`] : []),
    ...(replaced > 0 ? [`${replaced} replaced`] : []),
    ...(pruned > 0 ? [`${pruned} removed (source gone)`] : []),
    ...(duplicates.length > 0 ? [`${duplicates.length} duplicates`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ];
  printLine(terminal, `${name}: ${parts.join(", ")}; ${size} entries`);
}
