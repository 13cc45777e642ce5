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
/**
 * What looking ahead may cost beside the step's own mask, some 10 ms: a hundredth of what a token may. What was derived by then is
 * known at the next look.
 */
export const aheadWork = 20_000;
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
    return this.#after(state, tokenId);
  }

  /** Bit `id % 32` of word `id >> 5` is set where the token may come in this state. Not to be changed. */
  mask(state: Expression): Uint32Array {
    this.#begin();
    return this.#masks.of(state);
  }

  /** What must come in this state, as far as `aheadWork` shows; at most so many tokens. */
  ahead(state: Expression, most: number): Ahead {
    this.mask(state); // that of the next token is made for its step anyway
    const forced: number[] = [];
    const bytes: number[] = [];
    this.#look(() => {
      let at = state;
      while (forced.length < most && !at.isNullable) {
        const only = onlyBit(this.#masks.of(at));
        if (only === undefined) break;
        forced.push(only);
        at = this.#after(at, only)!;
      }
      let next = this.#derivatives.onlyByte(at);
      for (; next && bytes.length < maxAhead; next = this.#derivatives.onlyByte(next.next)) bytes.push(next.byte);
    });
    const spelled = bytes.length === 0 ? [] : this.#vocabulary.spell(Uint8Array.from(bytes));
    return { forced, spelled: spelled.slice(0, most - forced.length) };
  }

  /** How many of the tokens may follow one another in this state, as far as `aheadWork` shows. */
  numAllowed(start: Expression, tokens: readonly number[]): number {
    let numAllowed = 0;
    this.#look(() => {
      let state: Expression | undefined = start;
      while (numAllowed < tokens.length) {
        state = this.#after(state, tokens[numAllowed]!);
        if (!state) return;
        numAllowed++;
      }
    });
    return numAllowed;
  }

  constraint(): Constraint {
    return new GrammarConstraint(this);
  }

  #after(state: Expression, tokenId: number): Expression | undefined {
    const { of, classOf } = this.#derivatives;
    let next = state;
    if (of.tokenIds.includes(tokenId)) next = this.#derivatives.deriveToken(state, tokenId);
    else for (const byte of this.#vocabulary.bytesOf(tokenId)) next = this.#derivatives.derive(next, classOf[byte]!);
    return next === of.nothing ? undefined : next;
  }

  /** Runs `look`, which notes what it finds as it finds it, until it is done or has cost `aheadWork`. */
  #look(look: () => void): void {
    this.#begin(aheadWork);
    try {
      look();
    } catch (error) {
      if (!(error instanceof OcellusError && error.code === "too_large")) throw error;
    }
  }

  #begin(limit?: number): void {
    const { of } = this.#derivatives;
    if (of.size > this.#ownSize + maxStates) {
      of.forget();
      this.#masks.forget();
    }
    this.#derivatives.begin(limit);
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
    return this.#grammar.ahead(this.#state, most);
  }

  numAllowed(tokens: readonly number[]): number {
    return this.#grammar.numAllowed(this.#state, tokens);
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
