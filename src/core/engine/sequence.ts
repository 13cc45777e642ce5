/** One request on its way: what is cached, what was generated, and whether it has ended. */
import { invariant } from "../base/index.js";
import { Sampler } from "./sampler.js";
import type { Constraint, EngineRequest, FinishReason, Row, TokenEvent } from "./types.js";

/** Tokens that are expected to follow: some because no other may, then some that are guessed. */
export interface Draft {
  readonly forced: readonly number[];
  readonly guess: readonly number[];
}

export const nothingDrafted: Draft = { forced: [], guess: [] };

export class Sequence<P> {
  readonly request: EngineRequest<P>;
  /** Set while the sequence holds a slot. */
  slot: number | undefined;
  /** Tokens in the cache. */
  numCached = 0;
  /** Of the prompt, taken over from an earlier sequence. */
  numReused = 0;
  readonly generated: number[] = [];
  readonly #sampler: Sampler;
  /** Behind the first token of the row that is on its way. */
  #draft = nothingDrafted;

  constructor(request: EngineRequest<P>) {
    this.request = request;
    this.#sampler = new Sampler(request.sampling, request.promptIds, request.constrainedTop);
  }

  /** The slot holds these first tokens of the prompt already. */
  reuse(numTokens: number): void {
    const { length } = this.request.promptIds;
    invariant(
      this.numCached === 0 && numTokens < length,
      `${numTokens} of ${length} prompt tokens cannot be taken over`,
    );
    this.numReused = this.numCached = numTokens;
  }

  /** Tokens of the prompt that prefill steps still read: all but the last one, which is the first decode step's. */
  get numUnread(): number {
    return Math.max(this.request.promptIds.length - 1 - this.numCached, 0);
  }

  get isPrefilled(): boolean {
    return this.numUnread === 0;
  }

  /** The next part of the prompt, or its last token, or the last generated one. */
  nextRow(slot: number, prefillChunk: number): Row<P> {
    const { promptIds, payload } = this.request;
    const position = this.numCached;
    if (!this.isPrefilled) {
      const rest = prefillChunk - (position % prefillChunk); // so that chunks end alike, wherever the reading began
      const end = position + Math.min(this.numUnread, rest);
      return { slot, tokens: promptIds.slice(position, end), position, payload, numLogits: 0 };
    }
    const token = this.generated.at(-1) ?? promptIds.at(-1)!;
    return { slot, tokens: [token], position, payload, numLogits: 1 };
  }

  /** Tokens that a draft may have: none of them past the answer's or the context's end. */
  room(maxLength: number): number {
    const { length } = this.generated;
    return Math.max(0, Math.min(maxLength - this.numCached, this.request.maxTokens - length) - 1);
  }

  /** A decode row with the tokens that are expected to follow. Those that are forced need logits for their probabilities only. */
  extend(row: Row<P>, draft: Draft): Row<P> {
    this.#draft = draft;
    const tokens = [...row.tokens, ...draft.forced, ...draft.guess];
    const numSettled = this.#reportsLogprobs ? 0 : draft.forced.length;
    return { ...row, tokens, numLogits: tokens.length - numSettled };
  }

  /** Takes a decode step's logits: the tokens that they settle, up to the first that was not expected. */
  *settle(row: Row<P>, logits: readonly Float32Array[], maxLength: number): Generator<TokenEvent> {
    const { forced, guess } = this.#draft;
    this.#draft = nothingDrafted;
    const numSettled = row.tokens.length - row.numLogits;
    for (const [i] of row.tokens.entries()) {
      this.numCached++;
      const isForced = i < forced.length;
      const event = this.#advance(i < numSettled ? forced[i]! : logits[i - numSettled]!, maxLength);
      const isExpected = event.tokenId === row.tokens[i + 1];
      yield {
        ...event,
        ...(isExpected && { source: isForced ? "forced" : "draft" }),
        ...(i === 0 && guess.length > 0 && { numDrafted: guess.length }),
      };
      if (event.finishReason || !isExpected) return;
    }
  }

  get #reportsLogprobs(): boolean {
    return this.request.sampling.logprobs === true;
  }

  /** The next token, given or of its logits, and the reason if it is the last. */
  #advance(next: number | Float32Array, maxLength: number): TokenEvent {
    const { constraint } = this.request;
    const constrain = constraint && ((adjusted: Float32Array) => this.#constrain(constraint, adjusted));
    const sampled =
      typeof next === "number" ? this.#sampler.take(next) : this.#sampler.sample(next, constrain, constraint?.isAside);
    this.generated.push(sampled.tokenId);
    const finishReason = this.#finishReason(sampled.tokenId, maxLength);
    if (!finishReason) constraint?.accept(sampled.tokenId);
    const isFirst = this.generated.length === 1;
    return {
      ...sampled,
      ...(isFirst && this.numReused > 0 && { cachedTokens: this.numReused }),
      ...(finishReason && { finishReason }),
    };
  }

  #constrain(constraint: Constraint, logits: Float32Array): void {
    const { stopTokenIds } = this.request;
    const ends = stopTokenIds.map((id) => (constraint.mayEnd ? logits[id]! : Number.NEGATIVE_INFINITY));
    constraint.allow(logits);
    for (const [i, id] of stopTokenIds.entries()) logits[id] = ends[i]!;
  }

  #finishReason(tokenId: number, maxLength: number): FinishReason | undefined {
    if (this.request.stopTokenIds.includes(tokenId)) return "stop";
    const isFull = this.numCached >= maxLength; // the token just made would have no place in the cache
    return isFull || this.generated.length >= this.request.maxTokens ? "length" : undefined;
  }
}
