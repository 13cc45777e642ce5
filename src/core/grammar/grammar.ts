/** Texts that are allowed, ready for a vocabulary: read once, shared by all sequences that are bound by it. */
import { invariant, OcellusError } from "../base/index.js";
import type { Ahead, Constraint } from "../engine/index.js";
import { hasBit, onlyBit } from "./bits.js";
import { brokenRule } from "./check-rules.js";
import { Derivatives } from "./derivative.js";
import { type Expression, Expressions } from "./expression.js";
import { JsonText, placeOf } from "./json.js";
import { Masks } from "./masks.js";
import type { Vocabulary } from "./vocabulary.js";

/** Bytes looked ahead for a text that must come: more than the tokens that one step takes spell. */
const maxAhead = 128;
/** States kept beside the grammar's own expressions, some 10 MB; they are made again when needed. */
const maxStates = 30_000;

export class Grammar {
  readonly #vocabulary: Vocabulary;
  readonly #derivatives = new Derivatives(new Expressions());
  readonly #masks: Masks;
  readonly #start: Expression;
  readonly #ownSize: number;

  /** `build` says what is allowed. @throws `invalid_request` when that is nothing, or nothing that ever ends. */
  constructor(vocabulary: Vocabulary, build: (json: JsonText) => Expression) {
    const { of } = this.#derivatives;
    this.#vocabulary = vocabulary;
    this.#masks = new Masks(vocabulary, this.#derivatives);
    this.#start = build(new JsonText(this.#derivatives, 0));
    checkSatisfiable(of, this.#start);
    of.keep();
    this.#ownSize = of.size;
  }

  get start(): Expression {
    return this.#start;
  }

  get expressions(): Expressions {
    return this.#derivatives.of;
  }

  /** The state after a token; `undefined` when the token may not come. */
  after(state: Expression, tokenId: number): Expression | undefined {
    this.#begin();
    const { of, classOf } = this.#derivatives;
    let next = state;
    if (of.tokenIds.includes(tokenId)) next = this.#derivatives.deriveToken(state, tokenId);
    else for (const byte of this.#vocabulary.bytesOf(tokenId)) next = this.#derivatives.derive(next, classOf[byte]!);
    return next === of.nothing ? undefined : next;
  }

  /** Bit `id % 32` of word `id >> 5` is set where the token may come in this state. Not to be changed. */
  mask(state: Expression): Uint32Array {
    this.#begin();
    return this.#masks.of(state);
  }

  /** Tokens as the tokenizer writes the text that must come in this state, at most `most`. */
  spelled(state: Expression, most: number): number[] {
    this.#begin();
    const bytes: number[] = [];
    for (
      let at = this.#derivatives.onlyByte(state);
      at && bytes.length < maxAhead;
      at = this.#derivatives.onlyByte(at.next)
    )
      bytes.push(at.byte);
    return bytes.length === 0 ? [] : this.#vocabulary.spell(Uint8Array.from(bytes)).slice(0, most);
  }

  constraint(): Constraint {
    return new GrammarConstraint(this);
  }

  #begin(): void {
    const { of } = this.#derivatives;
    if (of.size > this.#ownSize + maxStates) {
      of.forget();
      this.#masks.forget();
    }
    this.#derivatives.begin();
  }
}

class GrammarConstraint implements Constraint {
  readonly #grammar: Grammar;
  #state: Expression;

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
    this.#state = grammar.start;
  }

  get mayEnd(): boolean {
    return this.#state.isNullable;
  }

  allow(logits: Float32Array): void {
    closeTokens(logits, this.#grammar.mask(this.#state));
  }

  ahead(most: number): Ahead {
    const forced: number[] = [];
    let state = this.#state;
    while (forced.length < most && !state.isNullable) {
      const only = onlyBit(this.#grammar.mask(state));
      if (only === undefined) break;
      forced.push(only);
      state = this.#grammar.after(state, only)!;
    }
    return { forced, spelled: this.#grammar.spelled(state, most - forced.length) };
  }

  numAllowed(tokens: readonly number[]): number {
    let numAllowed = 0;
    try {
      for (let state = this.#state; numAllowed < tokens.length; numAllowed++) {
        const next = this.#grammar.after(state, tokens[numAllowed]!);
        if (!next) break;
        state = next;
      }
    } catch (error) {
      if (!(error instanceof OcellusError && error.code === "too_large")) throw error; // too many readings: of a guess, no matter
    }
    return numAllowed;
  }

  accept(tokenId: number): void {
    const next = this.#grammar.after(this.#state, tokenId);
    invariant(next, `token ${tokenId} was chosen, which the grammar does not allow`);
    this.#state = next;
  }
}

/** Sets the logits of tokens whose bit is not set to -Infinity; ids past the mask name no token. */
function closeTokens(logits: Float32Array, mask: Uint32Array): void {
  let closedFrom = 0; // of a run that is closed as a whole
  for (let word = 0; word < mask.length; word++) {
    if (mask[word] === 0) continue;
    logits.fill(Number.NEGATIVE_INFINITY, closedFrom, word * 32);
    closedFrom = word * 32 + 32;
    if (mask[word] === 0xffffffff) continue;
    const end = Math.min(closedFrom, logits.length);
    for (let id = word * 32; id < end; id++) if (!hasBit(mask, id)) logits[id] = Number.NEGATIVE_INFINITY;
  }
  logits.fill(Number.NEGATIVE_INFINITY, closedFrom);
}

/** @throws `invalid_request` when no text belongs to it, or none that ever ends. */
export function checkSatisfiable(of: Expressions, start: Expression): void {
  const refuse = (message: string, reason: "empty" | "circular" | "endless", path = "#") => {
    throw new OcellusError("invalid_request", `JSON schema: ${message}`, { details: { path, reason } });
  };
  if (start === of.nothing) refuse("no value satisfies it", "empty");
  const broken = brokenRule(of);
  if (!broken) return;
  const place = placeOf(broken.name);
  const found = {
    circular: `what ${place} points to leads back to itself before anything is written`,
    endless: `no finite value satisfies what ${place} points to: it needs itself, or nothing`,
  };
  refuse(found[broken.problem], broken.problem, place);
}
