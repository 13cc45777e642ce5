/**
 * The pages of a PDF, or of an image, one after the other: the file's own text where it has some, else what a reader of images finds in
 * the drawn page. One page is held at a time.
 */
import { OcellusError } from "../core/base/index.js";
import type { Box, RgbImage } from "../core/image/spec/index.js";
import type { PdfDocument, PdfText } from "../core/pdf/index.js";
import type { ChatUsage } from "../core/runtime/index.js";
import { layoutPage } from "./blocks.js";
import type { Block, DocumentPage, PageLine } from "./page.js";
import { isRepeated, type Survey, surveyOf } from "./survey.js";

/** What reads the image of a page: lines with boxes in its pixels, or Markdown. */
export type ImageReader =
  | { readonly source: "ocr"; lines(image: RgbImage, signal?: AbortSignal): Promise<ReadLines> }
  | { readonly source: "model"; markdown(image: RgbImage, signal?: AbortSignal): Promise<WrittenPage> };

export interface ReadLines {
  readonly lines: readonly PageLine[];
  /** There are more of them than are read of one image. */
  readonly isCut: boolean;
}

export interface WrittenPage extends Pick<DocumentPage, "notes"> {
  readonly markdown: string;
  /** The answer's limit came before its end. */
  readonly isCut: boolean;
  readonly usage: ChatUsage;
}

/** `auto`: pages without text of their own are read as images. */
export const ocrChoices = ["auto", "always", "never"] as const;

export interface ReadPagesOptions {
  /** From one. Default: all. */
  readonly pages?: readonly number[];
  /** Default `auto`. */
  readonly ocr?: (typeof ocrChoices)[number];
  /** Called when a page is to be read as an image; where it gives none, such pages come back unread. */
  readonly reader?: (() => Promise<ImageReader | undefined>) | undefined;
  readonly signal?: AbortSignal;
}

/** Pixels of the longer side of what is read: print of eight points on A4 is 20 pixels high. */
const drawnSide = { ocr: 2016, model: 1536 };
/** A scan with a stamp or a page number beside it: an image over most of the page, and hardly any words. */
const [scanShare, fewCharacters] = [0.5, 60];
/** Where the file does not say what most letters are, they are guesses. */
const mostUnknown = 0.3;

/** @throws `invalid_file`, `aborted`, `unavailable` where nothing could read what shall be read, as the reader. */
export async function* readPages(pdf: PdfDocument, options: ReadPagesOptions = {}): AsyncGenerator<DocumentPage> {
  const { pages = Array.from({ length: pdf.numPages }, (_, i) => i + 1), ocr, reader, signal } = options;
  if (ocr === "always" && !(await reader?.())) throw nothingReads();
  if (pages.length === 0) return;
  const survey = await surveyOf(pdf, signal);
  for (const page of pages) yield await readPage(pdf, page, survey, options);
}

/** An image as a document of one page. */
export async function readImage(image: RgbImage, reader: ImageReader, signal?: AbortSignal): Promise<DocumentPage> {
  const { width, height } = image;
  return { page: 1, width, height, ...(await shownPage(image, reader, { width, height }, signal)) };
}

function nothingReads(): OcellusError {
  return new OcellusError(
    "unavailable",
    "no page can be read as an image: there is no OCR here, and no model was named",
    {
      details: { param: "ocr" },
    },
  );
}

async function readPage(
  pdf: PdfDocument,
  page: number,
  { bodySize, repeated }: Survey,
  { ocr = "auto", reader, signal }: ReadPagesOptions,
): Promise<DocumentPage> {
  const found = await pdf.text(page, signal);
  const { width, height, lines } = found;
  const notes = found.notes.map((text): Block => ({ kind: "note", text, box: [0, 0, width, height] }));
  const isShown = ocr === "always" || (ocr === "auto" && hasNoText(found));
  const imageReader = isShown ? await reader?.() : undefined;
  if (imageReader) {
    const { image } = await pdf.page(page, drawnSide[imageReader.source], signal);
    const { blocks, isCut, ...rest } = await shownPage(image, imageReader, found, signal);
    return { page, width, height, ...rest, blocks: [...blocks, ...notes], ...cut(isCut || found.areNotesCut) };
  }
  const isMargin = (line: PageLine) => isRepeated(line, height, repeated);
  const margins = lines.filter(isMargin).map(({ text, box }): Block => ({ kind: "margin", text, box }));
  const body = layoutPage(
    lines.filter((line) => !isMargin(line)),
    { bodySize },
  );
  const blocks = [...body, ...notes, ...margins];
  const source = blocks.length > 0 ? "text" : "none";
  const isUnread = hasNoText(found);
  return {
    page,
    width,
    height,
    source,
    blocks,
    ...(isUnread && { isUnread }),
    ...cut(found.isCut || found.areNotesCut),
  };
}

function cut(isCut: boolean): Pick<DocumentPage, "isCut"> {
  return isCut ? { isCut } : {};
}

function hasNoText({ lines, imageShare, numObjects, unknownShare }: PdfText): boolean {
  const numCharacters = lines.reduce((sum, { text }) => sum + text.length, 0);
  if (numCharacters === 0) return numObjects > 0;
  return unknownShare > mostUnknown || (imageShare >= scanShare && numCharacters < fewCharacters);
}

type Shown = Pick<DocumentPage, "source" | "blocks" | "isCut" | "notes">;

/** What a reader finds in the image of a page of some size. */
async function shownPage(
  image: RgbImage,
  reader: ImageReader,
  { width, height }: { readonly width: number; readonly height: number },
  signal: AbortSignal | undefined,
): Promise<Shown> {
  const { source } = reader;
  if (reader.source === "model") {
    const { markdown, isCut, notes = [] } = await reader.markdown(image, signal);
    const text = markdown.trim();
    const blocks: Block[] = text === "" ? [] : [{ kind: "markdown", text, box: [0, 0, width, height] }];
    return { source, blocks, ...(isCut && { isCut }), ...(notes.length > 0 && { notes }) };
  }
  const [x, y] = [width / image.width, height / image.height];
  const scaled = ([left, top, right, bottom]: Box): Box => [left * x, top * y, right * x, bottom * y];
  const { lines, isCut } = await reader.lines(image, signal);
  const blocks = layoutPage(lines.map((line) => ({ ...line, box: scaled(line.box) })));
  return { source, blocks, ...(isCut && { isCut }) };
}

/** Longest list of pages that is parsed. */
const longestRange = 1000;

/** `1-3,7,10-` → pages of a document in their order, each once. @throws `invalid_request`. */
export function pagesOf(text: string, numPages: number): number[] {
  const wrong = (found: string) =>
    new OcellusError(
      "invalid_request",
      `pages: expected numbers and ranges from 1 to ${numPages}, as in 1-3,7,10-, found ${JSON.stringify(found.slice(0, 60))}`,
      {
        details: { param: "pages", numPages },
      },
    );
  if (text.length > longestRange) throw wrong(text);
  const pages = new Set<number>();
  for (const part of text.split(",")) {
    const [, from, dash, to] = /^(\d{1,7})\s*(?:(-)\s*(\d{1,7})?)?$/.exec(part.trim()) ?? [];
    const [first, last] = [Number(from), dash === undefined ? Number(from) : to === undefined ? numPages : Number(to)];
    if (!(first >= 1 && first <= last && last <= numPages)) throw wrong(part);
    for (let page = first; page <= last; page++) pages.add(page);
  }
  return [...pages].sort((a, b) => a - b);
}
