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
/** A wide sheet has some tens; of cells that stand under no others, every one would be a column of its own. */
const mostColumns = 200;
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
  const columns = new Columns();
  columns.add(run[0]!);
  for (let i = start + 1; i < Math.min(rows.length, start + mostRows); i++) {
    const [row, last] = [rows[i]!, rows[i - 1]!];
    const unit = typeSize(row.cells);
    const gap = row.box[1] - last.box[3];
    const isPart =
      row.cells.length > 1
        ? isTabular(row) && gap <= widestGap * unit
        : gap <= continuation * unit && isBelowACell(row, columns.spans);
    if (!isPart) break;
    run.push(row);
    columns.add(row);
  }
  return run;
}

/** Cells, which are neither code nor an entry of a table of contents. */
function isTabular({ cells }: Row): boolean {
  return cells.length > 1 && !cells.every(({ isMono }) => isMono) && !cells.some(({ text }) => entryOf(text));
}

/** A line alone that stands within one column other than the first: what a cell is continued by. */
function isBelowACell({ cells: [line] }: Row, spans: readonly Span[]): boolean {
  const touched = spans.flatMap((span, i) => (shared(line, span) > 0 ? [i] : []));
  return touched.length === 1 && (touched[0]! > 0 || line.box[2] <= spans[0]!.right + 1);
}

interface Span {
  readonly left: number;
  readonly right: number;
}

/** What the cells of the rows with the usual number of cells cover, from left to right; it grows row by row. */
class Columns {
  readonly #byCount = new Map<number, { readonly numRows: number; readonly spans: readonly Span[] }>();
  #usual = 0;

  add({ cells }: Row): void {
    const count = cells.length;
    if (count < 2) return;
    const { numRows, spans } = this.#of(count);
    const own = cells.map(({ box }) => ({ left: box[0], right: box[2] }));
    const areTooMany = spans.length > mostColumns; // already too many for a table: what else they cover makes no difference
    this.#byCount.set(count, { numRows: numRows + 1, spans: areTooMany ? spans : united([...spans, ...own]) });
    const most = this.#of(this.#usual).numRows;
    if (numRows + 1 > most || (numRows + 1 === most && count > this.#usual)) this.#usual = count;
  }

  get spans(): readonly Span[] {
    return this.#of(this.#usual).spans;
  }

  #of(count: number) {
    return this.#byCount.get(count) ?? { numRows: 0, spans: [] };
  }
}

/** Spans that overlap are one. */
function united(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const { left, right } of spans.toSorted((a, b) => a.left - b.left)) {
    const last = all.at(-1);
    if (last && left < last.right) all[all.length - 1] = { left: last.left, right: Math.max(last.right, right) };
    else all.push({ left, right });
  }
  return all;
}

function shared({ box }: PageLine, { left, right }: Span): number {
  return Math.min(box[2], right) - Math.max(box[0], left);
}

function tableOf(rows: readonly Row[]): Block | undefined {
  const columns = new Columns();
  for (const row of rows) columns.add(row);
  const { spans } = columns;
  const numFull = rows.filter(({ cells }) => cells.length >= 2).length;
  if (
    spans.length < 2 ||
    spans.length > mostColumns ||
    numFull < (spans.length === 2 ? fewestRows.two : fewestRows.more)
  )
    return undefined;
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
