/**
 * How sure each leaf of a JSON answer is, from the probabilities that its tokens had among those that the grammar allowed
 * (docs/fields.md). A step of a leaf is a token that writes at least one character of it, or the one that ends a number.
 * Tokens that write the same part of the value count as one, whatever layout they bring; tokens that write none of it are left
 * out. Where the schema leaves few values, tokens count as one that leave the same of these values possible.
 */
import type { ConstrainedLogprobs } from "../engine/index.js";
import { FewValues, type ValueList, type ValueRange } from "./field-values.js";
import { type Leaf, leavesOf, readValue } from "./leaves.js";

export type FieldKind = "enum" | "boolean" | "number" | "string" | "null";

/** Another value, or where only its first characters are known, these. */
export interface FieldAlternative {
  readonly value?: unknown;
  readonly startsWith?: string;
  readonly probability: number;
}

export interface FieldConfidence {
  readonly kind: FieldKind;
  readonly probability: number;
  /** The probability less that of the most likely other value, or of its beginning. */
  readonly margin: number;
  /** Of enums, booleans and numbers: the most likely other values, most likely first. */
  readonly alternatives?: readonly FieldAlternative[];
  /** Whether the probabilities went through the temperature of their kind. */
  readonly calibrated?: boolean;
}

/** By JSON pointer; "" is the answer itself. */
export type Fields = Readonly<Record<string, FieldConfidence>>;

/** Bytes are texts of one character a byte. */
export interface FieldToken {
  readonly bytes: string;
  /** Absent: the grammar allowed no other token. */
  readonly constrained?: ConstrainedLogprobs | undefined;
  readonly tokenId: number;
}

export interface FieldContext {
  /** What an allowed token would have written; "" for those that end the answer. */
  bytesOf(tokenId: number): string;
  /** Of the answer; undefined for JSON of any kind. */
  readonly schema: unknown;
  /** Whether the answer ended by itself. */
  readonly isWhole: boolean;
}

const maxAlternatives = 5;
/** Of an alternative that is named: longer ones would make an answer of many leaves as long as leaves times values. */
const maxNamed = 256;

/**
 * Yields after each step of a leaf: a long answer has work for seconds, between which others are to have their turn.
 * @param skip bytes before the JSON. @param limit bytes of the answer: those after a stop string are not of it.
 */
export function* fieldsOf(
  tokens: readonly FieldToken[],
  context: FieldContext,
  { skip = 0, limit = Number.POSITIVE_INFINITY } = {},
): Generator<undefined, Fields> {
  const text = tokens.map(({ bytes }) => bytes).join("");
  const leaves = leavesOf(text.slice(skip, limit), context.isWhole);
  const steps = new Steps(tokens);
  const values = new FewValues(context.schema);
  const fields: [string, FieldConfidence][] = [];
  for (const leaf of leaves) {
    const placed = { ...leaf, start: leaf.start + skip, end: leaf.end + skip };
    const reading = new LeafReading(text, placed, context, values);
    fields.push([leaf.pointer, yield* reading.confidence(steps.of(text, placed))]);
  }
  return Object.fromEntries(fields);
}

interface Step extends FieldToken {
  readonly start: number;
}

/** The tokens with their places, asked for leaf after leaf. */
class Steps {
  readonly #steps: readonly Step[];
  #next = 0;

  constructor(tokens: readonly FieldToken[]) {
    let start = 0;
    this.#steps = tokens.map((token) => {
      const step = { ...token, start };
      start += token.bytes.length;
      return step;
    });
  }

  of(text: string, { start, end }: Leaf): Step[] {
    const endOf = (step: Step) => step.start + step.bytes.length;
    while (this.#next < this.#steps.length && endOf(this.#steps[this.#next]!) <= start) this.#next++;
    const found: Step[] = [];
    const isNumber = isNumeric(text[start]!);
    for (let i = this.#next; i < this.#steps.length; i++) {
      const step = this.#steps[i]!;
      if (step.start > end || (step.start === end && !isNumber)) break;
      found.push(step);
      if (step.start === end) break;
    }
    return found;
  }
}

/** What of the value is there before a step. */
interface Before {
  readonly length: number;
  /** Whether the next character belongs to an escape. */
  readonly isEscaped: boolean;
  /** Those of the few values that begin so. */
  readonly possible: ValueRange;
}

/** What a token writes of the value: a part, and whether the value ends there. */
interface Part {
  readonly part: string;
  readonly ended: boolean;
}

/** A group of tokens that say the same of the value. */
interface Group extends Part {
  readonly key: string;
  mass: number;
}

/** Of one leaf: the shares of other values, each value's added up over the steps. */
class Others {
  readonly #value: unknown;
  readonly #named = new Map<string, FieldAlternative>();
  #mostUnnamed = 0;

  constructor(value: unknown) {
    this.#value = value;
  }

  add(other: Omit<FieldAlternative, "probability">, share: number): void {
    const { value, startsWith } = other;
    if (value === undefined && startsWith === undefined) this.#mostUnnamed = Math.max(this.#mostUnnamed, share);
    else if (value === undefined || value !== this.#value) {
      const key = JSON.stringify(other);
      this.#named.set(key, { ...other, probability: (this.#named.get(key)?.probability ?? 0) + share });
    }
  }

  get most(): number {
    return [...this.#named.values()].reduce((most, { probability }) => Math.max(most, probability), this.#mostUnnamed);
  }

  /** Most likely first. */
  named(): FieldAlternative[] {
    return [...this.#named.values()].sort((a, b) => b.probability - a.probability).slice(0, maxAlternatives);
  }
}

class LeafReading {
  readonly #text: string;
  readonly #leaf: Leaf;
  readonly #context: FieldContext;
  readonly #value: unknown;
  /** Undefined where the schema leaves many values. */
  readonly #values: ValueList | undefined;

  constructor(text: string, leaf: Leaf, context: FieldContext, values: FewValues) {
    this.#text = text;
    this.#leaf = leaf;
    this.#context = context;
    const written = text.slice(leaf.start, leaf.end);
    this.#value = readValue(written);
    const few = values.at(leaf.keys);
    this.#values = few?.has(written) ? few : undefined; // 1.0 may stand for 1
  }

  /** Each token is looked at once, however long the value is. */
  *confidence(steps: readonly Step[]): Generator<undefined, FieldConfidence> {
    let probability = 1;
    let before: Before = { length: 0, isEscaped: false, possible: this.#values?.all ?? { from: 0, to: 0 } };
    const others = new Others(this.#value);
    for (const step of steps) {
      const groups = this.#groups(step, before);
      for (const group of groups?.others ?? []) others.add(this.#otherOf(group, before), probability * group.mass);
      probability *= groups?.chosen ?? 1;
      before = this.#behind(before, step);
      yield;
    }
    const kind = this.#kind();
    const margin = probability - others.most;
    return { kind, probability, margin, ...(kind !== "string" && { alternatives: others.named() }) };
  }

  /** Once the step has written its part. */
  #behind({ length, isEscaped, possible }: Before, step: Step): Before {
    const { start, end } = this.#leaf;
    const reached = Math.min(end, step.start + step.bytes.length);
    const part = this.#text.slice(start + length, reached);
    let escaped = isEscaped;
    for (const char of part) escaped = !escaped && char === "\\";
    return {
      length: length + part.length,
      isEscaped: escaped,
      possible: this.#values?.narrowed(possible, length, part, false) ?? possible,
    };
  }

  /** Shares of what the token said, and of what others would have said; undefined where it had nothing to say. */
  #groups(step: Step, before: Before): { chosen: number; others: Group[] } | undefined {
    if (!step.constrained) return undefined;
    const own = this.#part(step, before, step.bytes);
    if (!own) return undefined;
    const { logprob, top } = step.constrained;
    const groups = new Map<string, Group>();
    let left = 1;
    const add = (bytes: string, share: number) => {
      const part = this.#part(step, before, bytes);
      if (!part) {
        left -= share;
        return;
      }
      const key = this.#key(before, part);
      const group = groups.get(key) ?? { ...part, key, mass: 0 };
      group.mass += share;
      groups.set(key, group);
    };
    for (const each of top)
      if (each.tokenId !== step.tokenId) add(this.#context.bytesOf(each.tokenId), Math.exp(each.logprob));
    add(step.bytes, Math.exp(logprob));
    const chosenKey = this.#key(before, own);
    const share = (mass: number) => Math.min(1, mass / left);
    const others = [...groups.values()].filter(({ key }) => key !== chosenKey);
    return {
      chosen: share(groups.get(chosenKey)!.mass),
      others: others.map((group) => ({ ...group, mass: share(group.mass) })),
    };
  }

  /** What of this value a token would write at a step; undefined: nothing. */
  #part(step: Step, before: Before, bytes: string): Part | undefined {
    const { start } = this.#leaf;
    if (before.length > 0) return partOf(this.#text.slice(start, start + before.length), before.isEscaped, bytes);
    const value = behind(this.#text.slice(step.start, start), bytes);
    return value === "" ? undefined : partOf("", false, value);
  }

  #key(before: Before, { part, ended }: Part): string {
    if (!this.#values) return `${part}${ended ? "\n" : ""}`; // no value holds a line break
    const { from, to } = this.#possible(before, { part, ended });
    return from === to ? "" : `${from}-${to}`;
  }

  /** Which of the few values remain possible. */
  #possible({ possible, length }: Before, { part, ended }: Part): ValueRange {
    return this.#values!.narrowed(possible, length, part, ended);
  }

  /** Its value, or its beginning; neither where several of the few values, or none of them, would have remained. */
  #otherOf(group: Group, before: Before): Omit<FieldAlternative, "probability"> {
    if (this.#values) {
      const { from, to } = this.#possible(before, group);
      const text = to - from === 1 ? this.#values.at(from) : undefined;
      return text !== undefined && text.length <= maxNamed ? { value: readValue(text) } : {};
    }
    if (typeof this.#value === "string" || before.length + group.part.length > maxNamed) return {};
    const { start } = this.#leaf;
    const written = this.#text.slice(start, start + before.length) + group.part;
    const value = group.ended ? readValue(written) : undefined;
    return value === undefined ? { startsWith: written } : { value };
  }

  #kind(): FieldKind {
    const value = this.#value;
    if (typeof value === "boolean" || typeof value === "number") return typeof value as FieldKind;
    if (this.#values) return "enum";
    return value === null ? "null" : "string";
  }
}

function isNumeric(char: string): boolean {
  return char === "-" || (char >= "0" && char <= "9");
}

/** What a token writes behind `before`, which the chosen one wrote before the value, in any layout; "" if it gets not so far. */
function behind(before: string, bytes: string): string {
  const wanted = before.replace(/\s/g, "");
  let at = 0;
  for (const char of wanted) {
    while (at < bytes.length && isSpace(bytes[at]!)) at++;
    if (bytes[at++] !== char) return "";
  }
  while (at < bytes.length && isSpace(bytes[at]!)) at++;
  const value = bytes.slice(at);
  return /^["\-\dtfn]/.test(value) ? value : "";
}

function isSpace(char: string): boolean {
  return char === " " || char === "\n" || char === "\t" || char === "\r";
}

/** The part of `bytes` that belongs to the value, of which `written` is there. */
function partOf(written: string, escaped: boolean, bytes: string): Part {
  const first = (written || bytes)[0]!;
  if (first === '"') {
    const end = closingQuote(bytes, written === "" ? 1 : 0, escaped);
    return end < 0 ? { part: bytes, ended: false } : { part: bytes.slice(0, end), ended: true };
  }
  const part = (isNumeric(first) ? /^[-+.\deE]*/ : /^[a-z]*/).exec(bytes)![0];
  const ended = isNumeric(first)
    ? part.length < bytes.length || bytes === ""
    : /^(true|false|null)$/.test(written + part);
  return { part, ended };
}

function closingQuote(bytes: string, from: number, escaped: boolean): number {
  for (let at = escaped ? from + 1 : from; at < bytes.length; at++) {
    if (bytes[at] === "\\") at++;
    else if (bytes[at] === '"') return at + 1;
  }
  return -1;
}
