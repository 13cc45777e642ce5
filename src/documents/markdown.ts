/** Blocks → Markdown (CommonMark with GitHub's tables), and plain text. What was a letter on the page is no mark-up. */
import { type Block, wordsOf } from "./page.js";

export function markdownOf(blocks: readonly Block[]): string {
  return joined(blocks, markdownBlock);
}

export function plainTextOf(blocks: readonly Block[]): string {
  return joined(blocks, (block) => (block.kind === "item" ? `${block.marker} ${block.text}` : wordsOf(block)));
}

/** An empty line between blocks, but not between items of one list. */
function joined(blocks: readonly Block[], write: (block: Block) => string): string {
  const shown = blocks.filter(({ kind }) => kind !== "margin");
  return shown
    .map((block, i) => {
      const before = shown[i - 1];
      const isNext = before?.kind === "item" && block.kind === "item" && isBullet(before) === isBullet(block);
      return (before === undefined ? "" : isNext ? "\n" : "\n\n") + write(block);
    })
    .join("");
}

function isBullet(block: Block): boolean {
  return block.kind === "item" && block.marker === "-";
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `${"#".repeat(block.level)} ${escaped(block.text)}`;
    case "item":
      return `${markdownMarker(block.marker)} ${escaped(block.text)}`;
    case "table":
      return table(block.rows);
    case "code": {
      const runs = [...block.text.matchAll(/`+/g)].map(([run]) => run.length);
      const fence = "`".repeat(Math.max(3, ...runs.map((length) => length + 1)));
      return `${fence}\n${block.text}\n${fence}`;
    }
    case "markdown":
      return block.text.trim();
    default:
      return unmarked(escaped(block.text));
  }
}

/** Markdown knows `1.` and `1)`; other numbers are words of a bullet. */
function markdownMarker(marker: string): string {
  return marker === "-" || /^\d{1,9}[.)]$/.test(marker) ? marker : `- ${escaped(marker)}`;
}

/** Signs that would be mark-up where they stand. */
const markup = [
  /\\(?=[!-/:-@[-`{-~])/g, // a backslash before punctuation
  /[`*]/g,
  /(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
  /~(?=~)|(?<=~)~/g,
  /<(?=[a-z/!?])/gi,
  /\](?=[([:])/g,
  /&(?=#?\w{1,31};)/g,
];

function escaped(text: string): string {
  const signs = new Set(markup.flatMap((pattern) => [...text.matchAll(pattern)].map(({ index }) => index)));
  const marked = [...signs].sort((a, b) => a - b);
  let [out, at] = ["", 0];
  for (const index of marked) {
    out += `${text.slice(at, index)}\\`;
    at = index;
  }
  return (out + text.slice(at)).replace(/\s+/g, " ").trim();
}

/** What would begin a heading, a list, a quotation, a rule or a table. */
function unmarked(text: string): string {
  return text
    .replace(/^(\d{1,9})(?=[.)](?:\s|$))/, "$1\\")
    .replace(/^(?=[+-](?:\s|$)|#{1,6}(?:\s|$)|[=-]+\s*$|[>|])/, "\\");
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => escaped(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rest.map(line)].join("\n");
}
