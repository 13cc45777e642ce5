/**
 * The numbers by which an answer names the pages that it was given: `[1]`, `[1, 2]` and, as Chinese has them, `【1】` and `［1］`; not
 * what stands in code. The server knows the same forms (`citedNumbers`). Linear in the text.
 */
import { codeEnd, NextPlaces } from "../code-spans.js";

const opens = /[[［【]/;
const group = /[[［【](\d{1,4}(?: ?[,，、] ?\d{1,4})*)[\]］】]/y;

/** @param write what stands for a number; undefined: it is none of this answer's, and stays as it is. */
export function replaceNumbers(text: string, write: (number: number) => string | undefined): string {
  if (!opens.test(text)) return text;
  const ends = new NextPlaces(text);
  let written = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = codeEnd(text, at, ends);
    const found = code === undefined ? groupAt(text, at, write) : undefined;
    if (found) {
      written += text.slice(from, at) + found.text;
      from = found.end;
    }
    at = code ?? found?.end ?? at + 1;
  }
  return written + text.slice(from);
}

function groupAt(text: string, at: number, write: (number: number) => string | undefined) {
  group.lastIndex = at;
  const match = group.exec(text);
  if (!match) return undefined;
  const numbers = match[1]!.split(/[,，、]/).map(Number);
  const texts = numbers.map(write);
  if (texts.every((each) => each === undefined)) return undefined;
  const end = at + match[0].length;
  return { text: texts.map((each, i) => each ?? `[${numbers[i]}]`).join(""), end };
}

/** Of the private use area: no text has it. */
export const citeMark = "\uE002";
/** Keeps code spans apart that would otherwise begin with two backticks: a hair space. */
const apart = "\u200A";

/** Where Markdown leaves them alone: in code spans that begin with a mark of their own. */
export function markNumbers(text: string, isKnown: (number: number) => boolean): string {
  return replaceNumbers(text, (number) => (isKnown(number) ? `${apart}\`${citeMark}${number}\`${apart}` : undefined));
}

/** Of a code span; undefined for others. */
export function markedNumber(span: string): number | undefined {
  return span.startsWith(citeMark) ? Number(span.slice(citeMark.length)) : undefined;
}

const marked = /\u200A`\uE002(\d+)`\u200A/g;

/** What stands in code after all: indented, or between tildes. */
export function withoutMarks(code: string): string {
  return code.replace(marked, "[$1]");
}
