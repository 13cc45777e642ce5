/**
 * Which parts of an answer are words and which are JSON, so that a redaction leaves JSON whole. Within strings and names
 * only their content is cut, and no escape in half; a number is cut as a whole; brackets, commas, colons, `true`, `false`,
 * `null` and the tags of tool calls are structure and stay. The text is read character by character, so that pieces do not
 * matter; what stops being JSON is words again. [RFC 8259]
 */
import { byPlace, type Cut, countWhile, cutsOf, decoded, mergedCuts, type PseudonymOf, withoutCuts } from "./redact.js";
import type { Judged } from "./verdict.js";

export interface AnswerForm {
  /** Whether JSON begins with the first character. */
  readonly isJson: boolean;
  /** Whether what stands between `<tool_call>` and `</tool_call>` is JSON. */
  readonly hasToolCalls: boolean;
  /** Whether a property or tool of this name is in the request. Then it tells the caller nothing, and is not cut. */
  readonly isKnownName: (name: string) => boolean;
}

export const plainText: AnswerForm = { isJson: false, hasToolCalls: false, isKnownName: () => false };
export const plainJson: AnswerForm = { ...plainText, isJson: true };

/** A part that may be cut; `end` is Infinity while it lasts. Numbers and names are seen as a whole before they leave. */
interface Region {
  readonly kind: "text" | "string" | "name" | "number";
  readonly start: number;
  end: number;
  /** Of a name, as it is written between its quotation marks. */
  written: string;
}

const opening = "<tool_call>";
const closing = "</tool_call>";
const literals = ["true", "false", "null"];

export class Layout {
  readonly #form: AnswerForm;
  #at = 0;
  #regions: Region[] = [];
  /** Of strings and names, as long as the text at their place has not left. */
  #escapes: { readonly start: number; readonly end: number }[] = [];
  #state: "text" | "json" | "string" | "number" | "literal" = "text";
  /** What has come of a tag, an escape or a literal. */
  #begun = "";
  /** Brackets that are open. */
  #open: string[] = [];
  #isNameNext = false;
  #isCall = false;

  constructor(form: AnswerForm) {
    this.#form = form;
    if (form.isJson) this.#state = "json";
    else this.#begin("text", 0);
  }

  push(chunk: string): void {
    const isPlain = this.#state === "text" && !this.#form.hasToolCalls;
    for (let i = 0; i < chunk.length && !isPlain; i++) {
      this.#step(chunk[i]!);
      this.#at++;
    }
    if (isPlain) this.#at += chunk.length;
  }

  /** Nothing follows. */
  end(): void {
    const last = this.#regions.at(-1);
    if (last) last.end = Math.min(last.end, this.#at);
    this.#state = "text";
    this.#begun = "";
  }

  /** The last place, up to `at`, where the text may be divided: not within a name, a number, an escape, a literal or a tag. */
  floor(at: number): number {
    const place = Math.min(at, this.#at - this.#begun.length);
    const region = within(this.#regions, place);
    if (region?.kind === "number" || region?.kind === "name") return region.start;
    return within(this.#escapes, place)?.start ?? place;
  }

  /** Cuts in their order, with whole escapes and numbers; what overlaps is one. */
  aligned(cuts: readonly Cut[]): Cut[] {
    return mergedCuts(cuts.map((cut) => ({ ...cut, start: this.#start(cut.start), end: this.#end(cut.end) })));
  }

  /** What a cut takes of each region. */
  parts(cut: Cut): Cut[] {
    const parts: Cut[] = [];
    for (let i = countWhile(this.#regions, ({ end }) => end <= cut.start); i < this.#regions.length; i++) {
      const { kind, start, end, written } = this.#regions[i]!;
      if (start >= cut.end) break;
      if (kind === "name" && this.#form.isKnownName(decoded(written))) continue;
      const place = kind === "name" ? "string" : kind;
      parts.push({ ...cut, start: Math.max(start, cut.start), end: Math.min(end, cut.end), place });
    }
    return parts;
  }

  /** What stands before has left. */
  forget(before: number): void {
    const [regions, escapes] = [this.#regions, this.#escapes].map((list) => countWhile(list, (of) => of.end <= before));
    if (regions! > 0) this.#regions = this.#regions.slice(regions);
    if (escapes! > 0) this.#escapes = this.#escapes.slice(escapes);
  }

  #start(at: number): number {
    const number = within(this.#regions, at);
    return (number?.kind === "number" ? number : within(this.#escapes, at))?.start ?? at;
  }

  #end(at: number): number {
    const number = within(this.#regions, at);
    return (number?.kind === "number" ? number : within(this.#escapes, at))?.end ?? at;
  }

  #step(sign: string): void {
    if (this.#state === "text") this.#readText(sign);
    else if (this.#state === "string") this.#readString(sign);
    else if (this.#state === "literal") this.#readLiteral(sign);
    else if (this.#state === "json") this.#readJson(sign);
    else if (!/[-+.eE0-9]/.test(sign)) this.#endNumber(sign);
  }

  #readText(sign: string): void {
    if (!this.#form.hasToolCalls) return;
    const tag = this.#begun + sign;
    this.#begun = [opening, closing].some((each) => each.startsWith(tag)) ? tag : sign === "<" ? sign : "";
    if (tag !== opening && tag !== closing) return;
    this.#begun = "";
    this.#close(this.#at + 1 - tag.length);
    this.#isCall = tag === opening;
    if (this.#isCall) this.#beginJson();
    else this.#begin("text", this.#at + 1);
  }

  #readString(sign: string): void {
    const region = this.#regions.at(-1)!;
    if (this.#begun === "" && sign === '"') {
      this.#endValue(this.#at, this.#at + 1);
      return;
    }
    region.written += region.kind === "name" ? sign : "";
    if (this.#begun === "" && sign !== "\\") return;
    this.#begun += sign;
    const length = this.#begun[1] === "u" ? 6 : 2;
    if (this.#begun.length < length) return;
    this.#escapes.push({ start: this.#at + 1 - length, end: this.#at + 1 });
    this.#begun = "";
  }

  #endNumber(next: string): void {
    this.#endValue(this.#at, this.#at);
    this.#step(next);
  }

  #readLiteral(sign: string): void {
    this.#begun += sign;
    if (literals.includes(this.#begun)) this.#endValue(this.#at + 1, this.#at + 1);
    else if (!literals.some((word) => word.startsWith(this.#begun))) this.#giveUp(sign, this.#begun.length);
  }

  #readJson(sign: string): void {
    if (/\s/.test(sign)) return;
    if (sign === '"') this.#begin(this.#isName() ? "name" : "string", this.#at + 1);
    else if (/[-0-9]/.test(sign)) this.#begin("number", this.#at);
    else if (/[tfn]/.test(sign)) {
      this.#state = "literal";
      this.#begun = sign;
    } else if (sign === "{" || sign === "[") {
      this.#open.push(sign);
      this.#isNameNext = sign === "{";
    } else if (this.#open.length === 0) this.#giveUp(sign);
    else if (sign === "}" || sign === "]") {
      this.#open.pop();
      this.#endValue(this.#at + 1, this.#at + 1);
    } else if (sign === "," || sign === ":") this.#isNameNext = sign === "," && this.#open.at(-1) === "{";
    else this.#giveUp(sign);
  }

  /** The name of a tool is one, too. */
  #isName(): boolean {
    return this.#isNameNext || (this.#isCall && this.#open.length === 1);
  }

  #begin(kind: Region["kind"], start: number): void {
    this.#state = kind === "name" ? "string" : kind;
    this.#regions.push({ kind, start, end: Number.POSITIVE_INFINITY, written: "" });
  }

  #close(end: number): void {
    const last = this.#regions.at(-1);
    if (last) last.end = Math.min(last.end, end);
    if (last && last.end <= last.start) this.#regions.pop();
  }

  #beginJson(): void {
    this.#state = "json";
    this.#open = [];
    this.#isNameNext = false;
  }

  /** @param next where words begin if this was the outermost value */
  #endValue(end: number, next: number): void {
    this.#close(end);
    this.#state = "json";
    this.#begun = "";
    this.#isNameNext = false;
    if (this.#open.length === 0) this.#begin("text", next);
  }

  /** What has come last is no JSON. */
  #giveUp(sign: string, length = 1): void {
    this.#begun = "";
    this.#begin("text", this.#at + 1 - length);
    this.#readText(sign);
  }
}

/** The one that a place lies within, not at its edge. */
function within<T extends { readonly start: number; readonly end: number }>(list: readonly T[], at: number) {
  const found = list[countWhile(list, ({ end }) => end <= at)];
  return found !== undefined && found.start < at ? found : undefined;
}

/** A text as it may pass. */
export function redacted(
  text: string,
  findings: readonly Judged[],
  pseudonymOf?: PseudonymOf,
  form: AnswerForm = plainText,
): string {
  const cuts = cutsOf(findings, pseudonymOf).sort(byPlace);
  if (cuts.length === 0) return text;
  const layout = new Layout(form);
  layout.push(text);
  layout.end();
  const whole = layout.aligned(cuts).map((cut) => ({ ...cut, end: Math.min(cut.end, text.length) }));
  return withoutCuts(
    text,
    whole.flatMap((cut) => layout.parts(cut)),
  );
}
