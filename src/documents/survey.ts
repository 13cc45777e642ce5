/**
 * What some pages all over a document have in common, so that each page can be read by itself, wherever reading begins: the size of the
 * body's type, and what stands at the top or the bottom of several pages and differs in its numbers at most (running heads, page numbers).
 */
import type { PdfDocument, PdfText } from "../core/pdf/index.js";
import { bodySizeOf } from "./blocks.js";
import type { PageLine } from "./page.js";

export interface Survey {
  readonly bodySize: number | undefined;
  readonly repeated: ReadonlySet<string>;
}

/** Enough to tell the body from headings; text of a page is found in some hundredths of a second. */
const numSampled = 8;
/** Of a page's height at the top and the bottom. */
const marginShare = 0.1;
/** Even and odd pages may have heads of their own. */
const fewestRepeats = 3;

/** @throws as `PdfDocument.text`. */
export async function surveyOf(pdf: PdfDocument, signal: AbortSignal | undefined): Promise<Survey> {
  const step = Math.max(1, pdf.numPages / numSampled);
  const pages: PdfText[] = [];
  for (let at = step / 2; at < pdf.numPages; at += step) pages.push(await pdf.text(Math.floor(at) + 1, signal));
  const lines = pages.flatMap((page) => page.lines);
  return { bodySize: lines.length === 0 ? undefined : bodySizeOf(lines), repeated: repeatedOf(pages) };
}

export function repeatedOf(
  pages: readonly { readonly lines: readonly PageLine[]; readonly height: number }[],
): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { lines, height } of pages) {
    const found = new Set(lines.filter((line) => isInMargin(line, height)).map(({ text }) => withoutNumbers(text)));
    for (const text of found) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count >= fewestRepeats).map(([text]) => text));
}

export function isRepeated(line: PageLine, height: number, repeated: ReadonlySet<string>): boolean {
  return isInMargin(line, height) && repeated.has(withoutNumbers(line.text));
}

function isInMargin({ box: [, top, , bottom] }: PageLine, height: number): boolean {
  return bottom <= marginShare * height || top >= (1 - marginShare) * height;
}

/** Numbers of pages and chapters, Roman ones alone. */
function withoutNumbers(text: string): string {
  return text
    .replace(/\d+/g, "#")
    .replace(/^[ivxlc]+$/i, "#")
    .trim();
}
