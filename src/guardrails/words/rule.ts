/** What a word guard is told to look for, and what it says it has found. */

export interface WordRule {
  /** A Latin word stands for itself only; `glarb*`, `*glarb` and `*glarb*` also find it within longer ones. */
  readonly word: string;
  readonly category: string;
  /** 1 (default, mild) to 5. */
  readonly severity?: number;
}

/** A place in the original text, in UTF-16 units: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly category: string;
  /** The word of the rule, or the kind of personal data. */
  readonly word: string;
  readonly severity: number;
  /** From 0 to 1; absent: that of the severity. */
  readonly score?: number;
}
