/** A table as files: CSV for spreadsheets, JSON lines for programs, a golden set (docs/golden.md) for the next version. */
import type { Language } from "../preferences.js";
import { columnsOf, promptOf } from "./plan.js";
import { cellText, isCorrected, type Plan, type Row, sureness } from "./row.js";

/** A spreadsheet would run these as formulas, also in their full-width forms. */
const runs = /^[=+\-@\t\r\n＝＋－＠]/;
const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** RFC 4180; with a mark in front, so that Excel reads it as UTF-8. */
export function csvOf(plan: Plan, rows: readonly Row[]): string {
  const columns = columnsOf(plan);
  const head = ["picture", ...columns, "confidence", "corrected", "checked", "problem"];
  const lines = rows.map((row) => [
    row.name,
    ...columns.map((name) => cellText(row.cells[name]?.value)),
    sureness(row)?.toFixed(3) ?? "",
    columns.filter((name) => row.cells[name]?.isCorrected).join(", "),
    row.isChecked ? "yes" : "",
    row.message ?? row.problem ?? "",
  ]);
  return `\uFEFF${[head, ...lines].map((line) => line.map(csvField).join(",")).join("\r\n")}\r\n`;
}

export function csvField(text: string): string {
  const safe = runs.test(text) && !isNumber.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function jsonLinesOf(plan: Plan, rows: readonly Row[]): string {
  const columns = columnsOf(plan);
  return rows.map((row) => `${JSON.stringify(recordOf(row, columns))}\n`).join("");
}

function recordOf(row: Row, columns: readonly string[]) {
  const own = columns.filter((name) => row.cells[name]);
  const of = <T>(part: (name: string) => T) => Object.fromEntries(own.map((name) => [name, part(name)]));
  return {
    picture: row.name,
    state: row.state,
    ...(row.model !== undefined && { model: row.model }),
    ...(row.problem !== undefined && { problem: row.message ?? row.problem }),
    values: of((name) => row.cells[name]!.value),
    confidence: of((name) => row.cells[name]!.probability ?? null),
    corrected: own.filter((name) => row.cells[name]!.isCorrected),
    checked: row.isChecked ?? false,
  };
}

/**
 * The lines of a golden set, and which pictures it needs under which names. What no person has checked or corrected is there as a
 * proposal: golden sets do not ask it.
 */
export function goldenOf(plan: Plan, rows: readonly Row[], language: Language) {
  const done = rows.filter((row) => row.state === "done" && hasAnswer(plan, row));
  const names = fileNames(done);
  const question = promptOf(plan, language);
  const lines = done.map((row) => {
    const isReviewed = row.isChecked || (plan.mode === "question" && isCorrected(row));
    const known = {
      question,
      ...expected(plan, row),
      kind: "table",
      language,
      ...(!isReviewed && { reviewed: false }),
    };
    return JSON.stringify({ image: `images/${names.get(row.id)}`, questions: [known] });
  });
  return { text: lines.map((line) => `${line}\n`).join(""), images: [...names] };
}

/** A golden answer has more than signs. */
function hasAnswer(plan: Plan, { cells }: Row): boolean {
  if (plan.mode === "fields") return Object.keys(cells).length > 0;
  return columnsOf(plan).every((name) => /[\p{L}\p{N}]/u.test(cellText(cells[name]?.value)));
}

function expected(plan: Plan, { cells }: Row) {
  const columns = columnsOf(plan).filter((name) => cells[name]);
  if (plan.mode === "question") return { answer: cellText(cells[columns[0]!]!.value) };
  const properties = Object.fromEntries(columns.map((name) => [name, { const: cells[name]!.value }]));
  return { schema: { type: "object", properties, required: columns, additionalProperties: false } };
}

/** Names that any disk takes, none of them twice, whatever folders they were in. */
function fileNames(rows: readonly Row[]): Map<string, string> {
  return new Map(
    rows.map(({ id, name }, i) => {
      const base = name.slice(name.lastIndexOf("/") + 1);
      const dot = base.lastIndexOf(".");
      const ending = /^\.\w{1,5}$/.test(base.slice(dot)) ? base.slice(dot) : "";
      const stem = base.slice(0, base.length - ending.length);
      const plain = stem.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60);
      return [id, `${String(i + 1).padStart(4, "0")}-${plain || "picture"}${ending.toLowerCase()}`];
    }),
  );
}
