/**
 * Reading order by places alone: a page is cut at its gutters into columns, left before right. What crosses a gutter (a title, a wide
 * table) parts the page into bands, read from top to bottom. The result is a list of regions, each one column wide. A table has
 * gutters too: sides whose lines stand on common baselines and do not fill their width are no columns.
 */
import type { PageLine } from "./page.js";
import { boxOf, type Row, rowsOf } from "./rows.js";

/** All are compared with all; a page with more pieces is a map or a drawing. */
const maxLines = 2000;
/** Columns in columns in columns. */
const maxDepth = 8;
/** Places of a gutter that are tried: with the most lines beside it first. */
const maxTried = 4;
/** Shares of the type's size: a gutter's width, and a column's. */
const [gutterWidth, columnWidth] = [0.7, 8];
const fewestLines = 3;
/** Of a column's width, in a row of running text. */
const filled = 0.7;

/** The regions of a page in reading order; each with its lines from top to bottom. Turned lines are not among them. */
export function readingOrder(lines: readonly PageLine[], depth = 0): PageLine[][] {
  const byTop = lines.toSorted((a, b) => a.box[1] - b.box[1] || a.box[0] - b.box[0]);
  if (lines.length < 2 * fewestLines || lines.length > maxLines || depth > maxDepth) return byTop.length ? [byTop] : [];
  const unit = typeSize(lines);
  for (const gutter of gutters(byTop, unit)) {
    const bands = bandsAt(byTop, gutter, unit);
    if (bands.some(({ isColumns }) => isColumns))
      return bands.flatMap(({ isColumns, lines }) => (isColumns ? columnsOf(lines, gutter, depth) : [lines]));
  }
  return [byTop];
}

function columnsOf(lines: readonly PageLine[], gutter: number, depth: number): PageLine[][] {
  return [sideOf(lines, gutter, -1), sideOf(lines, gutter, 1)].flatMap((side) => readingOrder(side, depth + 1));
}

/** The size that half of the lines have. */
export function typeSize(lines: readonly PageLine[]): number {
  const sizes = lines.map(sizeOf).sort((a, b) => a - b);
  return Math.max(1e-3, sizes[sizes.length >> 1] ?? 1);
}

export function sizeOf({ size, box }: PageLine): number {
  return size ?? 0.8 * (box[3] - box[1]); // the box of a line that was read in an image holds ascenders and descenders
}

/** Middles of the gaps between lines beside each other, those with most such lines first. */
function gutters(lines: readonly PageLine[], unit: number): number[] {
  const gaps = gapsOf(lines, unit);
  const votes = new Map<number, number>();
  for (const [left, right] of gaps) {
    const middle = Math.round((left + right) / unit);
    votes.set(middle, (votes.get(middle) ?? 0) + 1);
  }
  const around = (place: number) => [-1, 0, 1].reduce((sum, step) => sum + (votes.get(place + step) ?? 0), 0);
  const places = [...votes.keys()].sort((a, b) => around(b) - around(a) || a - b);
  return places
    .filter((place) => around(place) >= fewestLines)
    .slice(0, maxTried)
    .map((place) => narrowed(place, gaps, unit));
}

/** The middle of what most gaps near a place have in common. */
function narrowed(place: number, gaps: readonly (readonly [number, number])[], unit: number): number {
  const near = gaps.filter(([left, right]) => Math.abs((left + right) / unit - place) <= 1.5);
  const lefts = near.map(([left]) => left).sort((a, b) => a - b);
  const rights = near.map(([, right]) => right).sort((a, b) => a - b);
  const most = (values: readonly number[], share: number) => values[Math.floor(share * (values.length - 1))]!;
  return (most(lefts, 0.9) + most(rights, 0.1)) / 2;
}

/** Each line's gap to its next neighbour on the right. `lines` by their top. */
function gapsOf(lines: readonly PageLine[], unit: number): (readonly [number, number])[] {
  const gaps: (readonly [number, number])[] = [];
  for (const { box } of lines) {
    let nearest = Number.POSITIVE_INFINITY;
    for (const { box: other } of lines) {
      if (other[1] >= box[3]) break; // all others are below
      if (other[0] >= box[2] && overlap(box, other) > 0.3) nearest = Math.min(nearest, other[0]);
    }
    if (nearest - box[2] >= gutterWidth * unit && nearest < Number.POSITIVE_INFINITY) gaps.push([box[2], nearest]);
  }
  return gaps;
}

/** Of heights, as a share of the lower one. */
function overlap([, top, , bottom]: PageLine["box"], [, top2, , bottom2]: PageLine["box"]): number {
  const shared = Math.min(bottom, bottom2) - Math.max(top, top2);
  return shared / Math.max(1e-6, Math.min(bottom - top, bottom2 - top2));
}

interface Band {
  readonly isColumns: boolean;
  readonly lines: PageLine[];
}

/** Runs of lines that cross the gutter or not; neighbours that are no columns are one band. */
function bandsAt(lines: readonly PageLine[], gutter: number, unit: number): Band[] {
  const crosses = ({ box }: PageLine) => box[0] < gutter - 0.1 * unit && box[2] > gutter + 0.1 * unit;
  const runs: PageLine[][] = [];
  let isCrossing: boolean | undefined;
  for (const line of lines) {
    if (crosses(line) !== isCrossing) runs.push([]);
    isCrossing = crosses(line);
    runs.at(-1)!.push(line);
  }
  const bands: Band[] = [];
  for (const run of runs) {
    const isColumns = !crosses(run[0]!) && areColumns(sideOf(run, gutter, -1), sideOf(run, gutter, 1), unit);
    const last = bands.at(-1);
    if (last && !last.isColumns && !isColumns) last.lines.push(...run);
    else bands.push({ isColumns, lines: run });
  }
  return bands;
}

function sideOf(lines: readonly PageLine[], gutter: number, side: -1 | 1): PageLine[] {
  return lines.filter(({ box }) => (box[0] + box[2]) / 2 < gutter === side < 0);
}

function areColumns(left: readonly PageLine[], right: readonly PageLine[], unit: number): boolean {
  if (left.length < 2 || right.length < 2 || left.length + right.length < 2 * fewestLines) return false;
  return (isText(left, unit) && isText(right, unit)) || !shareBaselines(left, right, unit);
}

/** Letters fill the width in most rows. */
function isText(lines: readonly PageLine[], unit: number): boolean {
  const [left, , right] = boxOf(lines);
  const rows = rowsOf(lines);
  const covered = ({ cells }: Row) => cells.reduce((sum, { box }) => sum + box[2] - box[0], 0);
  const numFull = rows.filter((row) => covered(row) >= filled * (right - left)).length;
  return rows.length >= fewestLines && right - left >= columnWidth * unit && numFull >= rows.length / 2;
}

/** As the cells of a table do: most lines of the shorter side have one beside them at the same height. */
function shareBaselines(left: readonly PageLine[], right: readonly PageLine[], unit: number): boolean {
  const [few, many] = left.length < right.length ? [left, right] : [right, left];
  const isLevel = ({ box }: PageLine) => many.some(({ box: other }) => Math.abs(other[3] - box[3]) <= 0.15 * unit);
  return few.filter(isLevel).length > few.length / 2;
}
