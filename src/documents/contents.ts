/** Tables of contents: an entry and the number of its page, at the end of a row of dots or alone at the same edge, are one line. */
import type { PageLine } from "./page.js";
import { boxOf } from "./rows.js";

const fewestDots = 4;
/** A page with more pieces is no table of contents. */
const maxLines = 2000;
const pageNumber = /^(?:\d{1,5}|[ivxlc]{1,8})$/i;
/** Points that edges of numbers may be apart. */
const sameEdge = 2;

export interface Entry {
  readonly text: string;
  /** May be empty. */
  readonly page: string;
}

/** A text that ends with a row of dots, and perhaps the number of a page behind it. */
export function entryOf(text: string): Entry | undefined {
  const [page] = /(?:\d{1,5}|[ivxlc]{1,8})?$/i.exec(text)!;
  let [end, numDots] = [text.length - page.length, 0];
  for (; end > 0 && /[\s.…·_]/.test(text[end - 1]!); end--) if (/\S/.test(text[end - 1]!)) numDots++;
  return numDots >= fewestDots ? { text: text.slice(0, end), page } : undefined;
}

export function joinEntries(lines: readonly PageLine[]): readonly PageLine[] {
  if (lines.length > maxLines) return lines;
  const led = lines.filter(({ text }) => entryOf(text));
  const numbers = lines.filter(({ text }) => pageNumber.test(text));
  if (led.length === 0 || numbers.length === 0) return lines;
  const edges = new Set(led.map((line) => nearest(line, numbers, 1)?.box[2]).filter((edge) => edge !== undefined));
  const joined = new Map<PageLine, PageLine>();
  for (const number of numbers) {
    if (![...edges].some((edge) => Math.abs(edge - number.box[2]) <= sameEdge)) continue;
    const entry = nearest(number, lines, -1);
    if (entry && !joined.has(entry)) joined.set(entry, number);
  }
  const taken = new Set(joined.values());
  return lines.flatMap((line) => {
    const number = joined.get(line);
    if (taken.has(line)) return [];
    const text = `${entryOf(line.text)?.text ?? line.text} .... ${number?.text}`; // dots, as most entries have them
    return number ? [{ ...line, text, box: boxOf([line, number]) }] : [line];
  });
}

/** The next line at the same height, to the right or to the left. */
function nearest({ box }: PageLine, lines: readonly PageLine[], side: 1 | -1): PageLine | undefined {
  let found: PageLine | undefined;
  for (const line of lines) {
    const middle = (line.box[1] + line.box[3]) / 2;
    const isBeside = side > 0 ? line.box[0] >= box[2] : line.box[2] <= box[0];
    if (!isBeside || middle < box[1] || middle > box[3]) continue;
    if (!found || (side > 0 ? line.box[0] < found.box[0] : line.box[2] > found.box[2])) found = line;
  }
  return found;
}
