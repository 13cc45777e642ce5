/**
 * Speculative decoding: which tokens are put behind the next one of each sequence, so that one read of the weights settles several.
 * Where they come from is a drafter's matter, whether they are right the sequence's: an answer never depends on them. What is
 * decided here is how many pay: a drafted token is worth its place in a step while its chance to be right is larger than the
 * share of the tokens so far that the same time would give. Chances and times are measured, never assumed.
 */

import { type Draft, nothingDrafted, type Sequence } from "./sequence.js";
import { StepCosts } from "./step-costs.js";
import type { Ahead, Constraint } from "./types.js";

/** A sequence so far. */
export interface History {
  readonly promptIds: readonly number[];
  readonly generated: readonly number[];
}

export interface Guess {
  readonly tokens: readonly number[];
  /** Guesses of one kind are about as often right: their chances are measured together. */
  readonly kind: string;
}

/** A model that guesses for several sequences at once, by steps that take time. */
export interface DraftModel {
  /** For each at most so many tokens, and how long each of the steps took that drafted them. */
  draft(
    asked: readonly AskedDraft[],
  ): Promise<{ readonly tokens: readonly (readonly number[])[]; readonly stepMs: number }>;
}

export interface AskedDraft extends History {
  readonly slot: number;
  readonly most: number;
}

/** Guesses how a sequence continues. */
export interface Drafter {
  draft(history: History, most: number): Guess | undefined;
}

export interface SpeculationStats {
  /** Guessed tokens that were verified. */
  readonly draftedTokens: number;
  /** Of those, the ones that were right. */
  readonly acceptedTokens: number;
  /** Tokens that a constraint left no choice of, and that came in company. */
  readonly forcedTokens: number;
}

/** High, so that each kind is tried. */
const firstChance = 0.8;
/** Of a draft model: by then the next draft is as likely wrong. */
const longestModelDraft = 8;
/** Calls of a draft model that fail one after another: then it is not asked again. */
const maxModelFailures = 3;
/** By so much a kind's chance comes back with each step in which it was not measured: what did not pay is tried again. */
const recovery = 0.01;
/** What a token weighs in the chance of its kind: within a sequence, and over all. */
const [ownWeight, sharedWeight] = [0.15, 0.02];

/** How often the next token of a guess is right, by kind. */
class Chances {
  readonly #of = new Map<string, number>();

  get(kind: string): number | undefined {
    return this.#of.get(kind);
  }

  set(kind: string, chance: number): void {
    this.#of.set(kind, chance);
  }

  add(kind: string, before: number, isRight: boolean, weight: number): void {
    this.set(kind, before + weight * (Number(isRight) - before));
  }
}

interface Proposal {
  readonly forced: readonly number[];
  guess: Guess | undefined;
  /** Tokens of the guess that the step verifies. */
  length: number;
}

export class Speculation<P> {
  readonly #drafters: readonly Drafter[];
  #model: DraftModel | undefined;
  #numModelFailures = 0;
  #modelStepMs = 0;
  readonly #costs = new StepCosts();
  readonly #shared = new Chances();
  readonly #own = new WeakMap<Sequence<P>, Chances>();
  /** What was proposed for the step on its way, verified or not. */
  readonly #proposals = new Map<Sequence<P>, Proposal>();
  readonly #counts = { draftedTokens: 0, acceptedTokens: 0, forcedTokens: 0 };

  constructor(drafters: readonly Drafter[], model?: DraftModel) {
    this.#drafters = drafters;
    this.#model = model;
  }

  get stats(): SpeculationStats {
    return { ...this.#counts };
  }

  /** A draft for each of the sequences of one decode step. */
  async plan(sequences: readonly Sequence<P>[], maxRun: number, maxLength: number): Promise<Draft[]> {
    this.#proposals.clear();
    const rooms = sequences.map((each) => Math.min(maxRun - 1, each.room(maxLength)));
    const proposals = sequences.map((each, i) => unlessItFails(() => this.#propose(each, rooms[i]!)) ?? nothing());
    if (this.#model) await this.#askModel(this.#model, sequences, proposals, rooms);
    for (const [i, each] of sequences.entries()) this.#proposals.set(each, proposals[i]!);
    this.#setLengths(sequences, proposals);
    return proposals.map(({ forced, guess, length }) =>
      forced.length + length === 0 ? nothingDrafted : { forced, guess: guess?.tokens.slice(0, length) ?? [] },
    );
  }

  /** A decode step of so many tokens took that long. */
  measured(tokens: number, ms: number): void {
    this.#costs.add(tokens, ms);
  }

  /** The step is run without what was planned for it. */
  forget(): void {
    this.#proposals.clear();
  }

  /** What came instead of the proposal, or as it said. A guess that was not verified is measured too: by its first token. */
  settled(sequence: Sequence<P>, tokens: readonly number[]): void {
    const { forced, guess, length } = this.#proposals.get(sequence) ?? nothing();
    this.#counts.draftedTokens += length;
    this.#counts.forcedTokens += Math.min(forced.length, tokens.length);
    if (!guess) return;
    for (const [i, token] of tokens.slice(forced.length).entries()) {
      const expected = guess.tokens[i];
      if (expected === undefined) return;
      this.#observe(sequence, guess.kind, token === expected);
      if (token !== expected) return;
      if (i < length) this.#counts.acceptedTokens++;
    }
  }

  #propose(sequence: Sequence<P>, most: number): Proposal {
    const { promptIds, constraint } = sequence.request;
    const none = nothing();
    if (most === 0) return none;
    const { forced, spelled } = this.#ahead(sequence, most);
    if (spelled.length > 0) return { ...none, forced, guess: { tokens: spelled, kind: "spelled" } };
    if (forced.length > 0) return { ...none, forced };
    for (const drafter of this.#drafters) {
      const guess = drafter.draft({ promptIds, generated: sequence.generated }, most);
      const allowed = guess && allowedPart(guess, constraint);
      if (allowed) return { ...none, guess: allowed };
    }
    return none;
  }

  /** Where nothing is certain, and no other guess has a better chance; as far as that pays for the draft as well. */
  async #askModel(
    model: DraftModel,
    sequences: readonly Sequence<P>[],
    proposals: readonly Proposal[],
    rooms: readonly number[],
  ): Promise<void> {
    const asked = sequences.flatMap((sequence, i) => {
      const { forced, guess } = proposals[i]!;
      const chance = this.#chance(sequence, "model");
      if (forced.length > 0 || (guess && this.#chance(sequence, guess.kind) >= chance)) return [];
      const share = this.#costs.shareOfOne(sequences.length, this.#modelStepMs) * sequences.length;
      const limit = Math.min(rooms[i]!, longestModelDraft);
      let most = 0;
      while (most < limit && chance ** (most + 1) >= share) most++;
      if (most === 0) this.#recover(sequence);
      const { promptIds } = sequence.request;
      return most === 0 ? [] : [{ at: i, slot: sequence.slot!, promptIds, generated: sequence.generated, most }];
    });
    if (asked.length === 0) return;
    const drafted = await this.#drafted(model, asked);
    if (!drafted) return;
    const { tokens, stepMs } = drafted;
    if (stepMs > 0) this.#modelStepMs = this.#modelStepMs === 0 ? stepMs : 0.9 * this.#modelStepMs + 0.1 * stepMs;
    for (const [n, { at }] of asked.entries()) {
      const { constraint } = sequences[at]!.request;
      const guess = unlessItFails(() => allowedPart({ tokens: tokens[n]!, kind: "model" }, constraint));
      if (guess) proposals[at]!.guess = guess;
    }
  }

  async #drafted(model: DraftModel, asked: readonly AskedDraft[]) {
    try {
      const drafted = await model.draft(asked);
      this.#numModelFailures = 0;
      return drafted;
    } catch {
      if (++this.#numModelFailures === maxModelFailures) this.#model = undefined;
      return undefined;
    }
  }

  #recover(sequence: Sequence<P>): void {
    const chance = this.#chance(sequence, "model");
    this.#ownOf(sequence).set("model", chance + recovery * (firstChance - chance));
  }

  /** Tokens that end the sequence are open by other rules than the constraint's. */
  #ahead({ request: { constraint, stopTokenIds } }: Sequence<P>, most: number): Ahead {
    const { forced, spelled } = constraint?.ahead?.(most) ?? { forced: [], spelled: [] };
    const end = forced.findIndex((id) => stopTokenIds.includes(id));
    return end < 0 ? { forced, spelled } : { forced: forced.slice(0, end), spelled: [] };
  }

  /** Guessed tokens of each sequence, the likeliest first, while one more gives more for its time than the step does. */
  #setLengths(sequences: readonly Sequence<P>[], proposals: readonly Proposal[]): void {
    const chances = sequences.map((each, i) => proposals[i]!.guess && this.#chance(each, proposals[i]!.guess.kind));
    let tokens = proposals.reduce((sum, { forced }) => sum + 1 + forced.length, 0);
    let expected = tokens;
    for (;;) {
      const next = proposals.map(({ guess, length }, i) =>
        guess && length < guess.tokens.length ? chances[i]! ** (length + 1) : 0,
      );
      const best = next.indexOf(Math.max(...next));
      if (!(next[best]! > 0 && next[best]! >= this.#costs.shareOfOne(tokens) * expected)) return;
      proposals[best]!.length++;
      tokens++;
      expected += next[best]!;
    }
  }

  #chance(sequence: Sequence<P>, kind: string): number {
    return this.#own.get(sequence)?.get(kind) ?? this.#shared.get(kind) ?? firstChance;
  }

  #observe(sequence: Sequence<P>, kind: string, isRight: boolean): void {
    const before = this.#chance(sequence, kind);
    this.#ownOf(sequence).add(kind, before, isRight, ownWeight);
    this.#shared.add(kind, this.#shared.get(kind) ?? firstChance, isRight, sharedWeight);
  }

  #ownOf(sequence: Sequence<P>): Chances {
    const own = this.#own.get(sequence) ?? new Chances();
    this.#own.set(sequence, own);
    return own;
  }
}

function nothing(): Proposal {
  return { forced: [], guess: undefined, length: 0 };
}

/** Looking ahead ends no answer: what is wrong with a constraint is met again, by its own sequence, where a token is chosen. */
function unlessItFails<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The tokens of a guess that the constraint lets follow. */
function allowedPart(guess: Guess, constraint: Constraint | undefined): Guess | undefined {
  const numAllowed = constraint?.numAllowed?.(guess.tokens) ?? guess.tokens.length;
  return numAllowed > 0 ? { ...guess, tokens: guess.tokens.slice(0, numAllowed) } : undefined;
}
