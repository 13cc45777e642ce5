/**
 * The automaton of expressions. The derivative of an expression by a symbol is what may follow that symbol, so an
 * expression is a state and its derivatives are the transitions, made when first asked for. [Brzozowski 1964; Owens,
 * Reppy, Turon 2009: classes of bytes that nothing tells apart]
 */
import { invariant } from "../base/index.js";
import type { ByteSet, Expression, Expressions } from "./expression.js";

export class Derivatives {
  readonly of: Expressions;
  /** Class of each byte; symbols are the classes, and after them the tokens of `of.tokenIds` in order. */
  classOf: Uint8Array = new Uint8Array(256);
  #representatives: readonly number[] = [];
  /** Bytes of each class. */
  #classSizes: readonly number[] = [];
  #numSets = -1;
  #numTokens = -1;

  constructor(of: Expressions) {
    this.of = of;
  }

  /** Symbols below this are classes of bytes. */
  get numClasses(): number {
    return this.#representatives.length;
  }

  /** To be called before a run of `derive`: its work is counted afresh, up to a limit. */
  begin(limit?: number): void {
    this.of.begin(limit);
    this.#refresh();
  }

  /** What may follow the symbol; `nothing` if it may not come. */
  derive(expression: Expression, symbol: number): Expression {
    const known = expression.next?.[symbol];
    if (known) return known;
    this.of.spend(1);
    const made = this.#derive(expression, symbol);
    expression.next ??= new Array<Expression | undefined>(this.numClasses + this.#numTokens);
    expression.next[symbol] = made;
    return made;
  }

  /** After a whole token of `of.tokenIds`. */
  deriveToken(expression: Expression, tokenId: number): Expression {
    return this.derive(expression, this.numClasses + this.of.tokenIds.indexOf(tokenId));
  }

  /** The one byte that may come, and what may follow it; undefined where another byte, a token or the end may. */
  onlyByte(expression: Expression): { readonly byte: number; readonly next: Expression } | undefined {
    if (expression.isNullable) return undefined;
    const open: number[] = [];
    for (let symbol = 0; symbol < this.numClasses + this.#numTokens && open.length < 2; symbol++)
      if (this.derive(expression, symbol) !== this.of.nothing) open.push(symbol);
    const [symbol] = open;
    if (open.length !== 1 || symbol! >= this.numClasses || this.#classSizes[symbol!] !== 1) return undefined;
    return { byte: this.#representatives[symbol!]!, next: this.derive(expression, symbol!) };
  }

  /** What belongs to both; `nothing` when no text does. @throws `too_large` when that would take too long to find out. */
  both(a: Expression, b: Expression): Expression {
    const both = this.of.both(a, b);
    this.#refresh();
    return this.#isAlive(both) ? both : this.of.nothing;
  }

  /** Takes note of sets and tokens that have come since. */
  #refresh(): void {
    const { byteSets, tokenIds } = this.of;
    if (byteSets.size === this.#numSets && tokenIds.length === this.#numTokens) return;
    this.#numSets = byteSets.size;
    this.#numTokens = tokenIds.length;
    this.#classify([...byteSets]);
    for (const expression of this.of.all()) expression.next = undefined;
  }

  #derive({ shape }: Expression, symbol: number): Expression {
    const { of } = this;
    switch (shape.kind) {
      case "nothing":
      case "end":
        return of.nothing;
      case "byte":
        return symbol < this.numClasses && has(shape.set, this.#representatives[symbol]!) ? of.end : of.nothing;
      case "literal":
        return symbol === this.classOf[shape.bytes[shape.at]!]
          ? of.literal({ ...shape, at: shape.at + 1 })
          : of.nothing;
      case "token":
        return of.tokenIds[symbol - this.numClasses] === shape.tokenId ? of.end : of.nothing;
      case "sequence": {
        const { first, rest } = shape;
        const inside = of.sequence(this.derive(first, symbol), rest);
        return first.isNullable ? of.choice([inside, this.derive(rest, symbol)]) : inside;
      }
      case "choice":
        return of.choice(shape.options.map((option) => this.derive(option, symbol)));
      case "repeat": {
        const { item, min, max } = shape;
        return of.sequence(this.derive(item, symbol), of.repeat(item, Math.max(0, min - 1), max - 1));
      }
      case "lexeme":
        return of.lexeme(this.derive(shape.body, symbol));
      case "both": {
        const both = of.both(this.derive(shape.left, symbol), this.derive(shape.right, symbol));
        return this.#isAlive(both) ? both : of.nothing;
      }
      case "except":
        return of.except(this.derive(shape.body, symbol));
      case "rule": {
        const body = of.rules.get(shape.name);
        invariant(body, `the rule ${shape.name} is not defined`);
        return this.derive(body, symbol);
      }
      case "machine": {
        const next = symbol < this.numClasses ? shape.machine.step(this.#representatives[symbol]!) : undefined;
        return next ? of.machine(next) : of.nothing;
      }
      default:
        return shape satisfies never;
    }
  }

  /**
   * Whether any text belongs to it. Only `both` can be empty without looking it; its derivatives are searched, depth
   * first, for one that the text may end with, and what is learnt is noted on all that were passed.
   */
  #isAlive(start: Expression): boolean {
    const cameFrom = new Map<Expression, Expression | undefined>([[start, undefined]]);
    const open = [start];
    for (let state = open.pop(); state; state = open.pop()) {
      if (state.shape.kind !== "both" ? state !== this.of.nothing : (state.isAlive ?? state.isNullable)) {
        for (let at: Expression | undefined = state; at; at = cameFrom.get(at)) at.isAlive = true;
        return true;
      }
      if (state.isAlive === false || state.shape.kind !== "both") continue;
      const { left, right } = state.shape;
      for (let symbol = 0; symbol < this.numClasses; symbol++) {
        const next = this.of.both(this.derive(left, symbol), this.derive(right, symbol));
        if (cameFrom.has(next)) continue;
        cameFrom.set(next, state);
        open.push(next);
      }
    }
    for (const state of cameFrom.keys()) state.isAlive = false;
    return false;
  }

  /** Bytes that are in the same sets are one class. */
  #classify(sets: readonly ByteSet[]): void {
    const classes = new Map<string, number>();
    const representatives: number[] = [];
    const sizes: number[] = [];
    for (let byte = 0; byte < 256; byte++) {
      const signature = sets.map((set) => (has(set, byte) ? "1" : "0")).join("");
      if (!classes.has(signature)) representatives.push(byte);
      classes.set(signature, classes.get(signature) ?? classes.size);
      const symbol = classes.get(signature)!;
      this.classOf[byte] = symbol;
      sizes[symbol] = (sizes[symbol] ?? 0) + 1;
    }
    this.#representatives = representatives;
    this.#classSizes = sizes;
  }
}

function has(set: ByteSet, byte: number): boolean {
  return ((set >> BigInt(byte)) & 1n) === 1n;
}
