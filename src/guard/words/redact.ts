/** Masks or replaces spans in a text that comes in pieces: each piece as `push` of a stream gave it, places of the whole. */
import type { Span } from "./rule.js";

/** `mask`: each character becomes a `*`; `replacement`: overlapping places together become this text, once. */
export type Redaction = { readonly action: "mask" } | { readonly action: "replace"; readonly replacement: string };

export class Redactor {
  readonly #redaction: Redaction;
  /** Where the next piece begins, and where what is hidden ends, in the whole text. */
  #position = 0;
  #hiddenTo = 0;
  #open: Span[] = [];

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
  }

  /** The text to show for a piece; spans told before reach into it. */
  push({ ready, spans }: { readonly ready: string; readonly spans: readonly Span[] }): string {
    const end = this.#position + ready.length;
    this.#open = [...this.#open, ...spans].sort((a, b) => a.start - b.start);
    const begun = this.#open.filter((span) => span.start < end);
    this.#open = this.#open.filter((span) => span.start >= end);
    let text = "";
    let at = this.#position;
    const show = (to: number) => {
      const hidden = Math.min(to, this.#hiddenTo);
      if (hidden > at) {
        text += this.#hide(ready.slice(at - this.#position, hidden - this.#position));
        at = hidden;
      }
      if (to > at) {
        text += ready.slice(at - this.#position, to - this.#position);
        at = to;
      }
    };
    for (const span of begun) {
      show(span.start);
      if (this.#redaction.action === "replace" && span.start >= this.#hiddenTo) text += this.#redaction.replacement;
      this.#hiddenTo = Math.max(this.#hiddenTo, span.end);
    }
    show(end);
    this.#position = end;
    return text;
  }

  /** A star for each character, one for the two units of a surrogate pair. */
  #hide(text: string): string {
    return this.#redaction.action === "mask" ? text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^]/g, "*") : "";
  }
}
