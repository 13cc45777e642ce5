/**
 * `ocellus index add COLLECTION …`: pictures and pages of PDFs into a collection. What is there unchanged is passed over, so
 * that the same command goes on after an interruption, and after a change in the folder.
 */
import { readFile, stat } from "node:fs/promises";
import { ioError, OcellusError, printable, throwIfAborted } from "../base/index.js";
import type { PictureEmbedder } from "../runtime/index.js";
import {
  type Collection,
  Collections,
  collectionsFolder,
  type Entry,
  type IndexKind,
  type Intake,
  isPdf,
  maxPdfBytes,
  modelOf,
  PdfDocument,
  pageIntake,
  prepareEntry,
  titleOf,
} from "../search/index.js";
import { readSources, type Source } from "./index-sources.js";
import { forEachConcurrently } from "./map-concurrently.js";
import { withEmbedder } from "./open-embedder.js";
import type { ModelFlags } from "./options.js";
import { formatSeconds, startProgress } from "./progress.js";
import { printJson, printLine, printNotes, type Terminal } from "./terminal.js";

export interface IndexAddFlags extends ModelFlags {
  readonly kind?: IndexKind;
  readonly keep?: number;
}

interface Tally {
  added: number;
  /** Unchanged since they were added. */
  known: number;
  /** Whose old entry went. */
  replaced: number;
  readonly duplicates: { readonly title: string; readonly of: string }[];
  readonly failed: { readonly source: string; readonly problem: string }[];
}

/** A model works on one picture at a time: while it does, the next one is decoded. */
const atOnce = 2;
/** Failures and duplicates that are printed; --json has them all. */
const mostShown = 20;

export async function indexAdd(name: string, names: readonly string[], flags: IndexAddFlags, terminal: Terminal) {
  const sources = await readSources(names);
  const started = performance.now();
  const tally: Tally = { added: 0, known: 0, replaced: 0, duplicates: [], failed: [] };
  const size = await withEmbedder(flags, terminal, async (embedder) => {
    const collection = await openOrCreate(name, embedder, flags.kind);
    await addAll(collection, embedder, sources, tally, flags, terminal).finally(() => collection.save());
    return collection.size;
  });
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) printJson(terminal, { collection: name, size, ...tally, seconds });
  else printTally(name, size, tally, seconds, terminal);
  if (tally.failed.length === sources.length)
    throw new OcellusError("invalid_file", `none of the ${sources.length} sources could be read`);
}

async function openOrCreate(name: string, embedder: PictureEmbedder, kind: IndexKind | undefined): Promise<Collection> {
  const collections = new Collections(collectionsFolder());
  if (!(await collections.has(name))) return collections.create(name, kind ?? "exact", await modelOf(embedder));
  const collection = await collections.open(name);
  if (kind === undefined || collection.info.kind === kind) return collection;
  throw new OcellusError(
    "invalid_request",
    `${name} is there with the index ${collection.info.kind}; leave --kind out`,
  );
}

async function addAll(
  collection: Collection,
  embedder: PictureEmbedder,
  sources: readonly Source[],
  tally: Tally,
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
  const work = async (source: Source) => {
    try {
      await addSource(collection, embedder, source, tally, flags.keep, terminal.signal);
    } catch (error) {
      if (!isFaultOfSource(error)) throw error;
      tally.failed.push({ source: source.source, problem: error.message });
    }
    progress.update(++done, sources.length);
  };
  try {
    await forEachConcurrently(each(sources), atOnce, work);
  } finally {
    progress.stop();
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** One bad file of many is told at the end; a full disk or a wrong model ends the command. */
function isFaultOfSource(error: unknown): error is OcellusError {
  const codes = ["invalid_image", "invalid_file", "too_large", "not_found"];
  return error instanceof OcellusError && codes.includes(error.code);
}

async function addSource(
  collection: Collection,
  embedder: PictureEmbedder,
  { source, picture, stamp, text, metadata }: Source,
  tally: Tally,
  keepSide: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  const before = collection.ofSource(source);
  const current: number[] = [];
  const labels = { ...(text !== undefined && { text }), ...(metadata && { metadata }) };
  const addOne = async (intake: () => Promise<Intake>, page?: number) => {
    const known = before.find((entry) => entry.page === page && entry.stamp === stamp);
    if (known) tally.known++;
    const entry = known ?? (await addEntry(collection, embedder, await intake(), tally, signal));
    current.push(entry.id);
  };
  const isPicture = before.some((entry) => entry.page === undefined && entry.stamp === stamp);
  const pdf = isPicture ? undefined : await openPdf(picture);
  if (!pdf) await addOne(async () => ({ source, stamp, picture, keepSide, ...labels }));
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
  embedder: PictureEmbedder,
  intake: Intake,
  tally: Tally,
  signal: AbortSignal,
): Promise<Entry> {
  const [entry] = await collection.add([await prepareEntry(collection, embedder, intake, { signal })]);
  tally.added++;
  const twin = collection
    .withPixels(entry!.pixels)
    .find((other) => other.id < entry!.id && other.source !== intake.source);
  if (twin) tally.duplicates.push({ title: titleOf(entry!), of: titleOf(twin) });
  return entry!;
}

/** Undefined for a picture. */
async function openPdf(path: string): Promise<PdfDocument | undefined> {
  if (!/\.pdf$/i.test(path)) return undefined;
  const reading = (cause: unknown) => Promise.reject(ioError("read the PDF", path, cause));
  const { size } = await stat(path).catch(reading);
  if (size > maxPdfBytes)
    throw new OcellusError("too_large", `${path}: ${size} bytes, a PDF may have ${maxPdfBytes}; split it`);
  const bytes = await readFile(path).catch(reading);
  if (!isPdf(bytes)) throw new OcellusError("invalid_file", `${path}: expected a PDF, found something else`);
  return PdfDocument.open(bytes, path);
}

function printTally(name: string, size: number, tally: Tally, seconds: number, terminal: Terminal): void {
  const { added, known, replaced, duplicates, failed } = tally;
  for (const { title, of } of duplicates.slice(0, mostShown))
    printLine(terminal, `${printable(title)} = ${printable(of)}`);
  if (duplicates.length > mostShown)
    printLine(terminal, `… ${duplicates.length} duplicates in all: ocellus index duplicates ${name}`);
  printNotes(
    terminal,
    failed.slice(0, mostShown).map(({ problem }) => problem),
  );
  const parts = [
    `${added} added in ${formatSeconds(seconds)}`,
    ...(known > 0 ? [`${known} were there`] : []),
    ...(replaced > 0 ? [`${replaced} replaced`] : []),
    ...(duplicates.length > 0 ? [`${duplicates.length} the same as another`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ];
  printLine(terminal, `${name}: ${parts.join(", ")}; ${size} entries`);
}
