/** What a pickle's stack holds while an audit watches it: never an object, only how one would be written. */
import { shorten } from "../../core/base/index.js";
import type { Verdict } from "./audit-names.js";

/** A line of a terminal holds a name and this. */
const maxShown = 120;

/** Strings longer than this are no one's module or class name. */
export const maxText = 256;

/** Numbers, and true, false and None, stand for themselves. */
export type Value = number | boolean | null | Shown;

/** How a value would be written, and what an audit must know of it. */
export class Shown {
  /** A string that is known whole. */
  readonly text: string | undefined;
  /** Of what was imported, or made by something imported. */
  readonly verdict: Verdict;
  /** An import itself, the result of a call, or plain data. */
  readonly origin: "import" | "result" | "data";
  #shown: string | undefined;
  #isFull = false;

  constructor(shown: string | undefined, { text, verdict = "safe", origin = "data" }: Partial<ShownFacts> = {}) {
    this.#shown = shown;
    this.text = text;
    this.verdict = verdict;
    this.origin = origin;
  }

  get shown(): string {
    this.#shown ??= JSON.stringify(shorten(this.text ?? "", maxShown));
    return this.#shown;
  }

  /** Writes further items, or keys and values in turn, before the closing bracket, as far as the line holds them. */
  add(items: readonly Value[], arePairs = false): void {
    if (this.#isFull || items.length === 0) return;
    const close = this.shown.slice(-1);
    let text = this.shown.slice(0, -1);
    for (let i = 0; i < items.length && !this.#isFull; i++) {
      if (text.length > 1) text += arePairs && i % 2 === 1 ? ": " : ", ";
      text += show(items[i]!);
      this.#isFull = text.length > maxShown;
    }
    this.#shown = this.#isFull ? `${text.slice(0, maxShown)}…${close}` : `${text}${close}`;
  }
}

interface ShownFacts {
  readonly text: string | undefined;
  readonly verdict: Verdict;
  readonly origin: "import" | "result" | "data";
}

export function show(value: Value): string {
  if (value instanceof Shown) return value.shown;
  if (value === null) return "None";
  return value === true ? "True" : value === false ? "False" : String(value);
}

/** STRING's escapes, as Python's string literals have them; the line has its quotes around it. */
export function unquote(line: string): string {
  const named: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v" };
  return line.slice(1, -1).replace(/\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))/gis, (all, hex, octal, other) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return named[other] ?? (/[\\'"]/.test(other) ? other : all);
  });
}

/** UNICODE's only escapes: a backslash, u and four digits, or U and eight. Other backslashes are in pairs, as Python reads them. */
export function unescapeUnicode(line: string): string {
  return line.replace(/\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|.)/gis, (all, short, long) => {
    const code = Number.parseInt(short ?? long ?? "", 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
