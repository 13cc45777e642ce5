/** Rows of a page: its lines at the same height, and how the texts of rows become one. */
import type { Box } from "../core/image/spec/index.js";
import type { PageLine } from "./page.js";

/** Lines at the same height, from left to right. */
export interface Row {
  readonly cells: readonly [PageLine, ...PageLine[]];
  readonly box: Box;
}

/** Lines whose middles are within each other's heights. */
export function rowsOf(lines: readonly PageLine[]): Row[] {
  const rows: [PageLine, ...PageLine[]][] = [];
  for (const line of lines.toSorted((a, b) => middle(a.box) - middle(b.box))) {
    const last = rows.at(-1)?.at(-1);
    if (last && middle(line.box) < last.box[3] - (last.box[3] - last.box[1]) / 4 && middle(last.box) > line.box[1])
      rows.at(-1)!.push(line);
    else rows.push([line]);
  }
  return rows.map((cells) => rowOf(cells.sort((a, b) => a.box[0] - b.box[0])));
}

function middle([, top, , bottom]: Box): number {
  return (top + bottom) / 2;
}

export function rowOf(cells: Row["cells"]): Row {
  return { cells, box: boxOf(cells) };
}

export function boxOf(placed: readonly { readonly box: Box }[]): Box {
  const side = (i: 0 | 1 | 2 | 3, pick: (...values: number[]) => number) =>
    placed.reduce((all, { box }) => pick(all, box[i]), placed[0]!.box[i]);
  return [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)];
}

export function lowestScore(lines: readonly PageLine[]): { readonly score?: number } {
  const scores = lines.flatMap(({ score }) => (score === undefined ? [] : [score]));
  return scores.length === 0 ? {} : { score: Math.min(...scores) };
}

export function textOf(rows: readonly Row[]): string {
  return joinLines(rows.map(({ cells }) => cells.map(({ text }) => text).join(" ")));
}

const noSpaces = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u;

/** Lines of one text: a word that was divided is whole again, and Chinese and Japanese have no space between. */
export function joinLines(lines: readonly string[]): string {
  const parts: string[] = []; // one string that grows would be copied for every look at its end
  for (const line of lines.filter((text) => text !== "")) {
    const before = parts.at(-1);
    if (before !== undefined) parts.splice(-1, 1, ...joint(before, line));
    parts.push(line);
  }
  return parts.join("");
}

/** The end of one line, and what stands between it and the next. */
function joint(before: string, line: string): [string, string] {
  const isDivided = before.endsWith("\u00ad") || /^\p{L}-$/u.test(before.slice(-2));
  if (isDivided) return [before.slice(0, -1), /^\p{Ll}/u.test(line) ? "" : "-"];
  return [before, noSpaces.test(before.at(-1)!) && noSpaces.test(line[0]!) ? "" : " "];
}
