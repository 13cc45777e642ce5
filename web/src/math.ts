/**
 * TeX in the words of a model, put where Markdown leaves it alone: into code spans that begin with a mark of their own. Found are
 * `$$…$$`, `\[…\]`, `\(…\)`, and `$…$` that can be no prices; not what stands in code. Linear in the text.
 */
import { codeEnd, NextPlaces } from "./code-spans.js";

/** Of the private use area: no text has them. */
export const inlineMark = "\uE000";
export const displayMark = "\uE001";

interface Form {
  readonly open: string;
  readonly close: string;
  readonly isDisplay: boolean;
  /** Whether it may go on over the end of a line. */
  readonly isLong: boolean;
}

/** By what they begin with, the longer one first. */
const forms: readonly Form[] = [
  { open: "$$", close: "$$", isDisplay: true, isLong: true },
  { open: "\\[", close: "\\]", isDisplay: true, isLong: true },
  { open: "\\(", close: "\\)", isDisplay: false, isLong: false },
  { open: "$", close: "$", isDisplay: false, isLong: false },
];

function hasMath(text: string): boolean {
  return text.includes("$") || text.includes("\\(") || text.includes("\\[");
}

export function markMath(text: string): string {
  if (!hasMath(text)) return text;
  const ends = new NextPlaces(text);
  let marked = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = codeEnd(text, at, ends);
    if (code !== undefined) {
      at = code;
      continue;
    }
    const found = mathAt(text, at, ends);
    if (!found) {
      at++;
      continue;
    }
    marked += text.slice(from, at) + found.span;
    from = at = found.end;
  }
  return marked + text.slice(from);
}

function mathAt(
  text: string,
  at: number,
  ends: NextPlaces,
): { readonly span: string; readonly end: number } | undefined {
  const form = forms.find(({ open }) => text.startsWith(open, at));
  if (!form) return undefined;
  const { open, close, isDisplay, isLong } = form;
  const start = at + open.length;
  const end = ends.of(close, start);
  if (end < 0) return undefined;
  const lineEnd = ends.of("\n", start);
  if (!isLong && lineEnd >= 0 && lineEnd < end) return undefined;
  const tex = text.slice(start, end).trim();
  if (tex === "" || tex.includes("`")) return undefined;
  if (open === "$" && !isFormula(text.slice(start, end), text[end + 1])) return undefined;
  const mark = isDisplay ? displayMark : inlineMark;
  return { span: `\`${mark}${tex.replaceAll("\n", " ")}\``, end: end + close.length };
}

/** "$5 and $6" is none: between dollars stands no space at the ends, no digit behind them, and something that only formulas have. */
function isFormula(inside: string, behind: string | undefined): boolean {
  if (inside !== inside.trim() || (behind !== undefined && behind >= "0" && behind <= "9")) return false;
  return inside.length === 1 || /[\\^_=+<>{}]/.test(inside);
}
