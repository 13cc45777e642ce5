/**
 * Lines of a page → headings, paragraphs, items of lists and tables, in reading order. A heading is larger than the body or bold, a table
 * has cells on common baselines above each other; what is none of these is a paragraph.
 */
import { entryOf, joinEntries } from "./contents.js";
import type { Block, PageLine } from "./page.js";
import { readingOrder, sizeOf, typeSize } from "./reading-order.js";
import { boxOf, lowestScore, type Row, rowOf, rowsOf, textOf } from "./rows.js";
import { tablesIn } from "./table.js";

export interface LayoutOptions {
  /** Size of the body's type in the whole document. Default: that of this page. */
  readonly bodySize?: number | undefined;
}

/** Of the type's size: how much more room than between other lines ends a paragraph, and how far in a line begins one. */
const [extraGap, indent] = [0.45, 0.8];
/** Sizes against the body's of headings, by their levels; a bold line of the body's size is one below. */
const headingRatios = [1.6, 1.3, 1.1];
/** An image tells sizes less exactly: a line without descenders is lower. */
const fewestReadRatio = 1.3;
/** Shares of a size by which another one differs. */
const otherSize = { told: 0.12, read: 0.35 };
/** Letters before a line of code. */
const longestIndent = 200;
const [longestHeading, mostHeadingRows] = [200, 3];
const bullet = /^[•‣⁃◦▪■□●○◆◇➢➤✓✔–—*·\uf0a7\uf0b7\uf076\uf0d8-]\s*(?=\S)(?<!^[-–—*](?=\S))/u;
const numbered = /^(?:\(?\d{1,3}[.)]|\(?[a-z][.)]|\([ivx]{1,5}\))\s+(?=\S)/i;

/** The blocks of a page in reading order. */
export function layoutPage(lines: readonly PageLine[], { bodySize }: LayoutOptions = {}): Block[] {
  const upright = lines.filter(({ isTurned, text }) => !isTurned && text.trim() !== "");
  const turned = lines.filter(({ isTurned }) => isTurned);
  const body = bodySize ?? bodySizeOf(upright);
  const blocks = readingOrder(joinEntries(upright)).flatMap((region) => regionBlocks(rowsOf(region), body));
  return [...blocks, ...turned.map((line) => paragraph([rowOf([line])]))];
}

/** The size that most characters have. */
export function bodySizeOf(lines: readonly PageLine[]): number {
  const counts = new Map<number, number>();
  for (const line of lines) {
    const size = Math.round(2 * sizeOf(line)) / 2;
    counts.set(size, (counts.get(size) ?? 0) + line.text.length);
  }
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [10, 0] as const)[0];
}

function regionBlocks(rows: readonly Row[], body: number): Block[] {
  return tablesIn(rows).flatMap((part) => ("table" in part ? [part.table] : textBlocks(part.rows, body)));
}

function textBlocks(rows: readonly Row[], body: number): Block[] {
  const gap = usualGap(rows);
  const groups: Row[][] = [];
  for (const row of rows) {
    const group = groups.at(-1);
    if (group && !startsBlock(row, group, gap)) group.push(row);
    else groups.push([row]);
  }
  return groups.map((group) => code(group) ?? entry(group) ?? heading(group, body) ?? item(group) ?? paragraph(group));
}

/** Room between lines of one text: less than half of all have more. */
function usualGap(rows: readonly Row[]): number {
  const gaps = rows.slice(1).map(({ box }, i) => box[1] - rows[i]!.box[3]);
  gaps.sort((a, b) => a - b);
  return gaps[Math.floor(0.4 * gaps.length)] ?? 0;
}

function startsBlock(row: Row, group: readonly Row[], usual: number): boolean {
  const [first, last] = [group[0]!, group.at(-1)!];
  const [size, lastSize] = [sizeOfRow(row), sizeOfRow(last)];
  const unit = Math.max(size, lastSize);
  const isOther =
    Math.abs(size - lastSize) > (row.cells[0].size === undefined ? otherSize.read : otherSize.told) * unit;
  const gap = row.box[1] - last.box[3];
  if (isMono(row) || isMono(last)) return !isMono(row) || !isMono(last) || gap > 2 * unit;
  if (entryOf(textOf([last]))) return true;
  if (isOther || isBold(row) !== isBold(last) || gap > Math.min(usual, unit) + extraGap * unit || gap < -2 * unit)
    return true;
  if (markerOf(textOf([row]))) return true;
  return isIndented(row, first, last, unit, group.length);
}

/** The first line of a paragraph is in, or, as in lists of references, the others are. */
function isIndented({ box: [left] }: Row, first: Row, last: Row, unit: number, numRows: number): boolean {
  const isItem = markerOf(textOf([first])) !== undefined;
  const isIn = left > last.box[0] + indent * unit && !(numRows === 1 && (isItem || left < first.box[0] + 4 * unit));
  const isOut = left < last.box[0] - indent * unit && numRows > 1 && left <= first.box[0] + indent * unit;
  return isIn || isOut;
}

function sizeOfRow({ cells }: Row): number {
  return typeSize(cells);
}

function isBold({ cells }: Row): boolean {
  return cells.every((line) => line.isBold);
}

function isMono({ cells }: Row): boolean {
  return cells.every((line) => line.isMono);
}

function heading(rows: readonly Row[], body: number): Block | undefined {
  const text = textOf(rows);
  if (bullet.test(text)) return undefined;
  if (rows.length > mostHeadingRows || text.length > longestHeading || !/\p{L}/u.test(text)) return undefined;
  const ratio = Math.min(...rows.map(sizeOfRow)) / body;
  const isRead = rows.some(({ cells }) => cells.some(({ size }) => size === undefined));
  const bySize = headingRatios.findIndex((least) => ratio >= least) + 1;
  const byWeight = rows.every(isBold) && ratio > 0.9 && !/[.,;:]$/.test(text) ? headingRatios.length + 1 : 0;
  const level = isRead && ratio < fewestReadRatio ? 0 : bySize || byWeight;
  return level === 0 ? undefined : { kind: "heading", level, text, ...placeOf(rows) };
}

/** Indented by as many letters as there is room for. */
function code(rows: readonly Row[]): Block | undefined {
  if (!rows.every(isMono)) return undefined;
  const place = placeOf(rows);
  const widths = rows
    .map(({ cells: [{ text, box }] }) => (box[2] - box[0]) / Math.max(1, text.length))
    .sort((a, b) => a - b);
  const width = Math.max(0.1, widths[widths.length >> 1]!);
  const lineOf = ({ cells }: Row) =>
    cells.reduce(
      (line, { text, box }) => line.padEnd(Math.min(longestIndent, Math.round((box[0] - place.box[0]) / width))) + text,
      "",
    );
  return { kind: "code", text: rows.map(lineOf).join("\n").replaceAll("\u00ad", "-"), ...place };
}

/** Of a table of contents: its dots lead to the number of a page. */
function entry(rows: readonly Row[]): Block | undefined {
  const found = entryOf(textOf(rows));
  return found && { kind: "item", marker: "-", text: `${found.text} … ${found.page}`.trim(), ...placeOf(rows) };
}

/** What a line of a list begins with, as Markdown has it, and how long that is in the text. */
function markerOf(text: string): { readonly marker: string; readonly length: number } | undefined {
  const [found] = bullet.exec(text) ?? numbered.exec(text) ?? [];
  if (found === undefined) return undefined;
  return { marker: bullet.test(text) ? "-" : found.trim(), length: found.length };
}

function item(rows: readonly Row[]): Block | undefined {
  const text = textOf(rows);
  const found = markerOf(text);
  if (!found) return undefined;
  return { kind: "item", marker: found.marker, text: text.slice(found.length).trim(), ...placeOf(rows) };
}

function paragraph(rows: readonly Row[]): Block {
  return { kind: "paragraph", text: textOf(rows), ...placeOf(rows) };
}

function placeOf(rows: readonly Row[]) {
  const cells = rows.flatMap((row) => row.cells);
  return { box: boxOf(cells), ...lowestScore(cells) };
}
