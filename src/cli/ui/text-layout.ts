/** Plain text in columns: widths as a terminal shows them (a Chinese character takes two), padding, wrapping, tables. */
import { stripVTControlCharacters } from "node:util";

const wide =
  "\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6";
const wideOrEmoji = `[${wide}\\u{1f300}-\\u{1faff}\\u{20000}-\\u{3fffd}]`;
const wideCharacter = new RegExp(wideOrEmoji, "u");
/** What may not be torn apart: one wide character (with the mark after it), or a run of others; spaces stay with it. */
const breakable = new RegExp(`${wideOrEmoji}[,。!?、:;.,!?]* *|(?:(?!${wideOrEmoji})\\S)+ *| +`, "gu");

/** Columns that `text` takes in a terminal; colour codes and combining marks take none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!/\p{M}/u.test(character)) width += wideCharacter.test(character) ? 2 : 1;
  }
  return width;
}

export function padTo(text: string, width: number, align: "left" | "right" = "left"): string {
  const padding = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + padding : padding + text;
}

/** Lines of at most `width` columns; a longer word stays whole. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const [piece] of text.matchAll(breakable)) {
    if (line !== "" && displayWidth(line + piece.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += piece;
  }
  return [...lines, line.trimEnd()];
}

/** Rows of cells in aligned columns, two spaces apart; the first column is left-aligned unless `align` says otherwise. */
export function textTable(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[] = []): string {
  const numColumns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: numColumns }, (_, c) =>
    Math.max(...rows.map((row) => displayWidth(row[c] ?? ""))),
  );
  const line = (row: readonly string[]) =>
    widths
      .map((width, c) => padTo((row[c] ?? "").replaceAll("\n", "\\n"), width, align[c] ?? "left"))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}
