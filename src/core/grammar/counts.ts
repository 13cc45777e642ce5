/**
 * Words that count, such as a string of at most 40 characters: each count is a state of its own, and each would need a
 * walk through the vocabulary. Instead one walk notes how many items each token takes, and every count is read from that.
 */
import { clearBit, emptyBits, setBit } from "./bits.js";
import type { Derivatives } from "./derivative.js";
import type { Expression } from "./expression.js";
import { followTree } from "./tree-walk.js";
import type { Vocabulary } from "./vocabulary.js";

/** What a vocabulary can say of a word. */
export interface LexemeTokens {
  /** Tokens that stay inside it, or end with it. */
  readonly mask: Uint32Array;
  /** Nodes at which the word may end and tokens continue. */
  readonly ends: readonly number[];
}

export interface CountedPart {
  readonly item: Expression;
  readonly min: number;
  readonly max: number;
  /** What follows the items. */
  readonly tail: Expression;
}

/** The parts of a lexeme that begins with counted items. */
export function countedPart({ shape }: Expression): CountedPart | undefined {
  const body = shape.kind === "lexeme" ? shape.body.shape : undefined;
  if (body?.kind !== "sequence" || body.first.shape.kind !== "repeat") return undefined;
  const { item, min, max } = body.first.shape;
  const isCounted = (min > 0 || max < Number.POSITIVE_INFINITY) && !mayRepeat(body.rest, item);
  return isCounted ? { item, min, max, tail: body.rest } : undefined;
}

/** Whether the item may be repeated again later on, which would make its counts ambiguous. */
function mayRepeat({ shape }: Expression, item: Expression): boolean {
  const mayThis = (part: Expression) => mayRepeat(part, item);
  switch (shape.kind) {
    case "sequence":
      return mayThis(shape.first) || mayThis(shape.rest);
    case "choice":
      return shape.options.some(mayThis);
    case "repeat":
      return shape.item === item || mayThis(shape.item);
    case "byte":
    case "literal":
    case "end":
      return false;
    default:
      return true;
  }
}

/** A place where so many items have begun. */
interface Counted {
  readonly node: number;
  readonly count: number;
}

export class CountTable {
  readonly #vocabulary: Vocabulary;
  /** Tokens that stay within the items: all of them, and by the number that they begin. */
  readonly #within: Uint32Array;
  readonly #byCount: number[][] = [];
  /** Nodes of tokens that end in the tail, or with it. */
  readonly #past: Counted[] = [];
  /** Nodes at which the word may end and tokens continue. */
  readonly #ends: Counted[] = [];

  private constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#within = emptyBits(vocabulary.size);
  }

  /** Undefined when a state does not tell how many items came before it, because an item and what follows may begin alike. */
  static create(vocabulary: Vocabulary, derivatives: Derivatives, { item, tail }: CountedPart): CountTable | undefined {
    const { of } = derivatives;
    const { end, depth, longestToken } = vocabulary;
    const most = longestToken + 1; // each item takes a byte at least: the count never runs out
    const start = of.sequence(of.repeat(item, 0, most), tail);
    const table = new CountTable(vocabulary);
    const counts = [0]; // by depth
    let isClear = true;
    followTree(vocabulary, derivatives, { start, from: 0, to: end.length }, (node, state) => {
      const left = itemsLeft(state, item);
      isClear &&= left !== "unclear";
      const count = typeof left === "number" ? most - left : counts[depth[node]!]!;
      counts[depth[node]! + 1] = count;
      table.#note({ node, count }, typeof left !== "number");
      if (state.isNullable && end[node]! > node + 1) table.#ends.push({ node, count });
    });
    return isClear ? table : undefined;
  }

  /** What can be said of the word when `min` to `max` items are still to come. */
  tokens(min: number, max: number): LexemeTokens {
    const mask = this.#within.slice();
    for (let count = max + 1; count < this.#byCount.length; count++)
      for (const id of this.#byCount[count] ?? []) clearBit(mask, id);
    const fits = ({ count }: Counted) => count >= min && count <= max;
    for (const { node } of this.#past.filter(fits)) setBit(mask, this.#vocabulary.token[node]!);
    return { mask, ends: this.#ends.filter(fits).map(({ node }) => node) };
  }

  #note(at: Counted, isPast: boolean): void {
    const id = this.#vocabulary.token[at.node]!;
    if (id < 0) return;
    if (isPast) this.#past.push(at);
    else {
      setBit(this.#within, id);
      this.#byCount[at.count] ??= [];
      this.#byCount[at.count]!.push(id);
    }
  }
}

/** How many items may still begin; none when their repetition is over. */
function itemsLeft(state: Expression, item: Expression): number | "none" | "unclear" {
  for (let at = state; ; ) {
    const { shape } = at;
    const first = shape.kind === "sequence" ? shape.first.shape : shape;
    if (first.kind === "repeat" && first.item === item) return first.max;
    if (shape.kind === "choice") return "unclear";
    if (shape.kind !== "sequence") return "none";
    at = shape.rest;
  }
}
