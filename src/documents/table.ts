/**
 * Tables by aligned boxes: rows that follow each other with cells above each other. Its columns are what the cells of the rows with
 * the usual number cover together; a row without a first cell, close to the one before, continues that one.
 */
import { entryOf } from "./contents.js";
import type { Block, PageLine } from "./page.js";
import { typeSize } from "./reading-order.js";
import { boxOf, joinLines, lowestScore, type Row } from "./rows.js";

export type Part = { readonly rows: readonly Row[] } | { readonly table: Block };

/** Two columns may be a coincidence of two lines. */
const fewestRows = { two: 3, more: 2 };
/** Of one table on one page; what follows is another one. */
const mostRows = 500;
/** Of the type's size, between rows of one table; and between a row and what continues it. */
const [widestGap, continuation] = [2.5, 0.6];

/** Rows parted into tables and what is between them. */
export function tablesIn(rows: readonly Row[]): Part[] {
  const parts: Part[] = [];
  let plain: Row[] = [];
  for (let at = 0; at < rows.length; ) {
    const run = runAt(rows, at);
    const table = run.length > 1 ? tableOf(run) : undefined;
    if (table) {
      parts.push({ rows: plain }, { table });
      plain = [];
    } else plain.push(...run);
    at += run.length;
  }
  return [...parts, { rows: plain }].filter((part) => "table" in part || part.rows.length > 0);
}

/** The rows from `start` that may be one table; at least that row. */
function runAt(rows: readonly Row[], start: number): Row[] {
  const run = [rows[start]!];
  if (!isTabular(run[0]!)) return run;
  for (let i = start + 1; i < Math.min(rows.length, start + mostRows); i++) {
    const [row, last] = [rows[i]!, rows[i - 1]!];
    const unit = typeSize(row.cells);
    const gap = row.box[1] - last.box[3];
    if (row.cells.length > 1 && !isTabular(row)) break;
    const isPart =
      row.cells.length > 1 ? gap <= widestGap * unit : gap <= continuation * unit && isBelowACell(row, run);
    if (!isPart) break;
    run.push(row);
  }
  while (run.length > 1 && run.at(-1)!.cells.length < 2 && !isBelowACell(run.at(-1)!, run.slice(0, -1))) run.pop();
  return run;
}

/** Cells, which are neither code nor an entry of a table of contents. */
function isTabular({ cells }: Row): boolean {
  return cells.length > 1 && !cells.every(({ isMono }) => isMono) && !cells.some(({ text }) => entryOf(text));
}

/** A line alone that stands within one column other than the first: what a cell is continued by. */
function isBelowACell({ cells: [line] }: Row, run: readonly Row[]): boolean {
  const spans = columnsOf(run);
  const touched = spans.flatMap((span, i) => (shared(line!, span) > 0 ? [i] : []));
  return touched.length === 1 && (touched[0]! > 0 || line!.box[2] <= spans[0]!.right + 1);
}

interface Span {
  left: number;
  right: number;
}

/** What the cells of the rows with the usual number of cells cover, from left to right. */
function columnsOf(rows: readonly Row[]): Span[] {
  const counts = new Map<number, number>();
  for (const { cells } of rows) if (cells.length > 1) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  const [usual] = [...counts].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] > a[0]) ? b : a), [
    0, 0,
  ] as const);
  const cells = rows.filter((row) => row.cells.length === usual).flatMap((row) => row.cells);
  const spans: Span[] = [];
  for (const { box } of cells.toSorted((a, b) => a.box[0] - b.box[0])) {
    const last = spans.at(-1);
    if (last && box[0] < last.right) last.right = Math.max(last.right, box[2]);
    else spans.push({ left: box[0], right: box[2] });
  }
  return spans;
}

function shared({ box }: PageLine, { left, right }: Span): number {
  return Math.min(box[2], right) - Math.max(box[0], left);
}

function tableOf(rows: readonly Row[]): Block | undefined {
  const spans = columnsOf(rows);
  const numFull = rows.filter(({ cells }) => cells.length >= 2).length;
  if (spans.length < 2 || numFull < (spans.length === 2 ? fewestRows.two : fewestRows.more)) return undefined;
  const written: string[][] = [];
  let last: Row | undefined;
  for (const row of rows) {
    const texts = spans.map(() => "");
    for (const cell of row.cells) {
      const at = columnOf(cell, spans);
      texts[at] = joinLines([texts[at]!, cell.text]);
    }
    if (last && continues(texts, row, last)) {
      const before = written.pop()!;
      written.push(before.map((text, i) => joinLines([text, texts[i]!])));
    } else written.push(texts);
    last = row;
  }
  const cells = rows.flatMap((row) => row.cells);
  return { kind: "table", rows: written, box: boxOf(cells), ...lowestScore(cells) };
}

/** The column that a cell shares most width with, or the nearest. */
function columnOf(cell: PageLine, spans: readonly Span[]): number {
  return spans.reduce((best, span, i) => (shared(cell, span) > shared(cell, spans[best]!) ? i : best), 0);
}

function continues(texts: readonly string[], row: Row, last: Row): boolean {
  const numFilled = texts.filter((text) => text !== "").length;
  const gap = row.box[1] - last.box[3];
  return (
    (texts[0] === "" || numFilled === 1) && gap <= continuation * typeSize(row.cells) * (numFilled === 1 ? 1 : 0.3)
  );
}
