/**
 * What may be written, as an expression over bytes: regular expressions with rules that may refer to themselves, so
 * that nested JSON fits. Equal expressions are one object (hash-consed), so that they can be states of an automaton:
 * derivative.ts makes the transitions. Nothing here knows JSON, schemas or vocabularies.
 */

import { OcellusError } from "../base/index.js";

/** A set of bytes: bit b is byte b. */
export type ByteSet = bigint;

/** A small automaton of its own, for what no expression says shortly (comparing numbers). Equal keys are equal states. */
export interface Machine {
  readonly key: string;
  readonly accepts: boolean;
  step(byte: number): Machine | undefined;
}

export type Shape =
  /** No text at all, not even the empty one. */
  | { readonly kind: "nothing" }
  /** The empty text. */
  | { readonly kind: "end" }
  | { readonly kind: "byte"; readonly set: ByteSet }
  /** The bytes of a text from `at` on. */
  | { readonly kind: "literal"; readonly bytes: Uint8Array; readonly at: number; readonly textId: number }
  /** One added token of the vocabulary, which no bytes spell. */
  | { readonly kind: "token"; readonly tokenId: number }
  /** `first` is never a sequence. */
  | { readonly kind: "sequence"; readonly first: Expression; readonly rest: Expression }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  | { readonly kind: "repeat"; readonly item: Expression; readonly min: number; readonly max: number }
  /** The body, marked as a word: what a vocabulary can say of it is worked out once, whatever follows it. */
  | { readonly kind: "lexeme"; readonly body: Expression }
  | { readonly kind: "both"; readonly left: Expression; readonly right: Expression }
  /** Any text but those of the body. */
  | { readonly kind: "except"; readonly body: Expression }
  | { readonly kind: "rule"; readonly name: string }
  | { readonly kind: "machine"; readonly machine: Machine };

export class Expression {
  readonly id: number;
  readonly shape: Shape;
  /** Whether the empty text belongs to it. */
  readonly isNullable: boolean;
  /** Derivatives by symbol, as far as they are known. */
  next: (Expression | undefined)[] | undefined;
  /** For `both`: whether any text belongs to it, once that is known. */
  isAlive: boolean | undefined;

  constructor(id: number, shape: Shape) {
    this.id = id;
    this.shape = shape;
    this.isNullable = isNullable(shape);
  }
}

function isNullable(shape: Shape): boolean {
  switch (shape.kind) {
    case "nothing":
    case "byte":
    case "literal":
    case "token":
    case "rule": // every rule of ours is a JSON value
      return false;
    case "end":
      return true;
    case "sequence":
      return shape.first.isNullable && shape.rest.isNullable;
    case "choice":
      return shape.options.some((option) => option.isNullable);
    case "repeat":
      return shape.min === 0;
    case "lexeme":
      return shape.body.isNullable;
    case "both":
      return shape.left.isNullable && shape.right.isNullable;
    case "except":
      return !shape.body.isNullable;
    case "machine":
      return shape.machine.accepts;
    default:
      return shape satisfies never;
  }
}

/**
 * What reading a schema, or one token, may cost, in derivatives looked up: about half a second, in which nothing else
 * runs. Real schemas need some thousands; what needs more is a trap, or should be written otherwise.
 */
const maxWork = 2_000_000;
/** A new expression is looked up, made and kept: at most 200,000 of them, or some 60 MB. */
const makingWork = 10;

/** Makes expressions in their normal forms; each is made once. */
export class Expressions {
  readonly nothing: Expression;
  readonly end: Expression;
  /** All sets that tell bytes apart, and all tokens: the alphabet follows from them. */
  readonly byteSets = new Set<ByteSet>();
  readonly tokenIds: number[] = [];
  readonly rules = new Map<string, Expression>();
  #work = 0;
  #maxWork = maxWork;
  readonly #textIds = new Map<string, number>();
  #interned = new Map<string, Expression>();
  #kept: ReadonlyMap<string, Expression> | undefined;
  #numMade = 0;

  constructor() {
    this.nothing = this.#make("nothing", { kind: "nothing" });
    this.end = this.#make("end", { kind: "end" });
  }

  get size(): number {
    return this.#interned.size;
  }

  all(): Iterable<Expression> {
    return this.#interned.values();
  }

  /** Keeps what is there now through every `forget`. */
  keep(): void {
    this.#kept = new Map(this.#interned);
  }

  /** Drops all expressions made since `keep`, and what is known of the others. Those in use elsewhere stay good. */
  forget(): void {
    this.#interned = new Map(this.#kept);
    for (const expression of this.all()) expression.next = undefined;
  }

  /** What is spent from now on is counted. */
  begin(limit = maxWork): void {
    this.#work = 0;
    this.#maxWork = limit;
  }

  /** Spent since `begin`. */
  get work(): number {
    return this.#work;
  }

  /** @throws `too_large` when more is spent than what has begun may cost. */
  spend(work: number): void {
    this.#work += work;
    if (this.#work > this.#maxWork)
      throw new OcellusError(
        "too_large",
        "the schema leaves too many readings open: simplify its patterns, anyOf branches that begin alike, and long lists of optional properties",
        { details: { limit: this.#maxWork } },
      );
  }

  byte(set: ByteSet): Expression {
    this.byteSets.add(set);
    return this.#byte(set);
  }

  /** One byte from `low` to `high`. */
  range(low: number, high: number): Expression {
    return this.byte(byteRange(low, high));
  }

  /** One of these ASCII characters. */
  oneOf(characters: string): Expression {
    return this.byte([...characters].reduce((set, character) => set | (1n << BigInt(character.charCodeAt(0))), 0n));
  }

  /** The UTF-8 of a text. */
  text(text: string): Expression {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length === 1) return this.range(bytes[0]!, bytes[0]!);
    for (const byte of bytes) this.byteSets.add(byteRange(byte, byte));
    if (!this.#textIds.has(text)) this.#textIds.set(text, this.#textIds.size);
    return this.literal({ kind: "literal", bytes, at: 0, textId: this.#textIds.get(text)! });
  }

  /** @internal What is left of a `text`. */
  literal(shape: Extract<Shape, { kind: "literal" }>): Expression {
    return shape.at === shape.bytes.length ? this.end : this.#make(`l${shape.textId},${shape.at}`, shape);
  }

  token(tokenId: number): Expression {
    if (!this.tokenIds.includes(tokenId)) this.tokenIds.push(tokenId);
    return this.#make(`t${tokenId}`, { kind: "token", tokenId });
  }

  sequence(...parts: readonly Expression[]): Expression {
    return parts.reduceRight((rest, first) => this.#join(first, rest), this.end);
  }

  choice(options: Iterable<Expression>): Expression {
    const found = new Map<number, Expression>();
    let set: ByteSet = 0n;
    const add = (option: Expression) => {
      const { shape } = option;
      if (shape.kind === "choice") shape.options.forEach(add);
      else if (shape.kind === "byte") set |= shape.set;
      else if (shape.kind !== "nothing") found.set(option.id, option);
    };
    for (const option of options) add(option);
    this.spend(found.size);
    if (set !== 0n) found.set(this.#byte(set).id, this.#byte(set));
    if (found.size <= 1) return [...found.values()][0] ?? this.nothing;
    const sorted = [...found.values()].sort((a, b) => a.id - b.id);
    return this.#make(`c${sorted.map(({ id }) => id).join()}`, { kind: "choice", options: sorted });
  }

  optional(item: Expression): Expression {
    return this.choice([this.end, item]);
  }

  /** `min` to `max` items one after another; `max` may be Infinity. */
  repeat(item: Expression, min: number, max: number): Expression {
    if (max === 0 || item === this.end) return this.end;
    if (item === this.nothing) return min === 0 ? this.end : this.nothing;
    if (min === 1 && max === 1) return item;
    const least = item.isNullable ? 0 : min; // empty items make up for the missing ones
    return this.#make(`r${item.id},${least},${max}`, { kind: "repeat", item, min: least, max });
  }

  lexeme(body: Expression): Expression {
    const { kind } = body.shape;
    if (kind === "nothing" || kind === "end" || kind === "lexeme") return body;
    return this.#make(`x${body.id}`, { kind: "lexeme", body });
  }

  /** @internal What belongs to both, without a look at whether anything does: see `Derivatives.both`. */
  both(a: Expression, b: Expression): Expression {
    if (a === b || b === this.nothing) return b;
    if (a === this.nothing) return a;
    if (a === this.end || b === this.end) return a.isNullable && b.isNullable ? this.end : this.nothing;
    const [left, right] = a.id < b.id ? [a, b] : [b, a];
    return this.#make(`b${left.id},${right.id}`, { kind: "both", left, right });
  }

  except(body: Expression): Expression {
    return this.#make(`e${body.id}`, { kind: "except", body });
  }

  /** A name for what `define` says, now or later. It must not be the empty text. */
  rule(name: string): Expression {
    return this.#make(`n${name}`, { kind: "rule", name });
  }

  define(name: string, body: Expression): void {
    this.rules.set(name, body);
  }

  /** Which bytes the machine tells apart must follow from other expressions. */
  machine(machine: Machine): Expression {
    return this.#make(`m${machine.key}`, { kind: "machine", machine });
  }

  /** Sequences lean to the right: (ab)c is a(bc), so that what comes next always stands first. */
  #join(first: Expression, rest: Expression): Expression {
    if (first === this.nothing || rest === this.nothing) return this.nothing;
    if (first === this.end) return rest;
    if (rest === this.end) return first;
    const parts: Expression[] = [];
    let last = first;
    for (; last.shape.kind === "sequence"; last = last.shape.rest) parts.push(last.shape.first);
    let joined = this.#pair(last, rest);
    for (let i = parts.length - 1; i >= 0; i--) joined = this.#pair(parts[i]!, joined);
    return joined;
  }

  #pair(first: Expression, rest: Expression): Expression {
    return this.#make(`s${first.id},${rest.id}`, { kind: "sequence", first, rest });
  }

  #byte(set: ByteSet): Expression {
    return this.#make(`y${set.toString(36)}`, { kind: "byte", set });
  }

  #make(key: string, shape: Shape): Expression {
    let known = this.#interned.get(key);
    if (!known) {
      this.spend(makingWork);
      known = new Expression(this.#numMade++, shape);
      this.#interned.set(key, known);
    }
    return known;
  }
}

/** The bytes from `low` to `high`. */
function byteRange(low: number, high: number): ByteSet {
  return ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
}
