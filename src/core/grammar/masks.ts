/**
 * Which tokens may come next: a state of the automaton → one bit for each id. Most of a vocabulary fits inside a string,
 * so for a word (lexeme) it is worked out once what stays inside it, and where in the tree it may end; whatever the text
 * around it, only the tokens that go past its end are then followed. [after Dong et al. 2024, XGrammar: tokens that depend
 * on the context and those that do not]
 */
import { LRUCache } from "lru-cache";
import { emptyBits, hasBit, setBit } from "./bits.js";
import { type CountedPart, CountTable, countedPart, type LexemeTokens } from "./counts.js";
import type { Derivatives } from "./derivative.js";
import type { Expression, Expressions } from "./expression.js";
import { followTree } from "./tree-walk.js";
import type { Vocabulary } from "./vocabulary.js";

/** 19 kB each for Qwen3's 151,936 ids. A string keeps one mask while it is written; other states are rarely met twice. */
const maxMasks = 64;

export class Masks {
  readonly #vocabulary: Vocabulary;
  readonly #derivatives: Derivatives;
  readonly #of: Expressions;
  readonly #masks = new LRUCache<Expression, Uint32Array>({ max: maxMasks });
  readonly #lexemes = new LRUCache<Expression, LexemeTokens>({ max: maxMasks });
  readonly #counts = new LRUCache<Expression, { readonly table: CountTable | undefined }>({ max: maxMasks });

  constructor(vocabulary: Vocabulary, derivatives: Derivatives) {
    this.#vocabulary = vocabulary;
    this.#derivatives = derivatives;
    this.#of = derivatives.of;
  }

  /** Bit `id % 32` of word `id >> 5` is set where the token may come next. Not to be changed. */
  of(state: Expression): Uint32Array {
    return remember(this.#masks, state, () => {
      const mask = emptyBits(this.#vocabulary.size);
      this.#add(mask, state);
      for (const { id, of } of this.#vocabulary.twins) if (hasBit(mask, of)) setBit(mask, id);
      for (const tokenId of this.#of.tokenIds)
        if (this.#derivatives.deriveToken(state, tokenId) !== this.#of.nothing) setBit(mask, tokenId);
      return mask;
    });
  }

  forget(): void {
    this.#masks.clear();
    this.#lexemes.clear();
    this.#counts.clear();
  }

  /** Adds the ordinary tokens that may come in this state. */
  #add(mask: Uint32Array, state: Expression): void {
    const others: Expression[] = [];
    this.#open(mask, state, others);
    if (others.length > 0) this.#walk(mask, this.#of.choice(others), 0, this.#vocabulary.end.length);
  }

  /** Adds what begins with a lexeme, and lists the other readings of the state. */
  #open(mask: Uint32Array, state: Expression, others: Expression[]): void {
    const { shape } = state;
    const open = (opened: Expression) => this.#open(mask, opened, others);
    if (shape.kind === "choice") shape.options.forEach(open);
    else if (shape.kind === "lexeme") this.#addLexeme(mask, state, this.#of.end);
    else if (shape.kind !== "sequence") others.push(state);
    else if (shape.first.shape.kind === "lexeme") {
      this.#addLexeme(mask, shape.first, shape.rest);
      if (shape.first.isNullable) open(shape.rest);
    } else if (shape.first.shape.kind === "choice")
      for (const option of shape.first.shape.options) open(this.#of.sequence(option, shape.rest));
    else others.push(state);
  }

  #addLexeme(mask: Uint32Array, lexeme: Expression, rest: Expression): void {
    const inside = this.#lexemeTokens(lexeme);
    for (let i = 0; i < mask.length; i++) mask[i]! |= inside.mask[i]!;
    if (rest === this.#of.end) return;
    for (const node of inside.ends) this.#walk(mask, rest, node + 1, this.#vocabulary.end[node]!);
  }

  #lexemeTokens(lexeme: Expression): LexemeTokens {
    return remember(this.#lexemes, lexeme, () => {
      const counted = countedPart(lexeme);
      const table = counted && this.#countTable(counted);
      if (table) return table.tokens(counted.min, counted.max);
      const mask = emptyBits(this.#vocabulary.size);
      const ends: number[] = [];
      const { end, token } = this.#vocabulary;
      followTree(this.#vocabulary, this.#derivatives, { start: lexeme, from: 0, to: end.length }, (node, state) => {
        if (token[node]! >= 0) setBit(mask, token[node]!);
        if (state.isNullable && end[node]! > node + 1) ends.push(node);
      });
      return { mask, ends };
    });
  }

  /** One for all counts of the same items. */
  #countTable(part: CountedPart): CountTable | undefined {
    const key = this.#of.sequence(this.#of.repeat(part.item, 0, Number.POSITIVE_INFINITY), part.tail);
    return remember(this.#counts, key, () => ({
      table: CountTable.create(this.#vocabulary, this.#derivatives, part),
    })).table;
  }

  /** Follows the nodes from `from` to `to`, which are all below one node, and adds the tokens met. */
  #walk(mask: Uint32Array, start: Expression, from: number, to: number): void {
    const { token } = this.#vocabulary;
    followTree(this.#vocabulary, this.#derivatives, { start, from, to }, (node) => {
      if (token[node]! >= 0) setBit(mask, token[node]!);
    });
  }
}

function remember<T extends object>(cache: LRUCache<Expression, T>, key: Expression, make: () => T): T {
  const value = cache.get(key) ?? make();
  cache.set(key, value);
  return value;
}
