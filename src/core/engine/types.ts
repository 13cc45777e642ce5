/** The engine's vocabulary: token ids, counts and logits. No text, no pictures, no ONNX Runtime. */
import type { SamplingOptions } from "./sampling.js";

/** One sequence's part of a step. */
export interface Row<P> {
  readonly slot: number;
  /** Token ids to read in this step. */
  readonly tokens: readonly number[];
  /** Tokens of this sequence that are in the cache already. */
  readonly position: number;
  /** The sequence's own inputs beside ids (visual tokens and the like); the engine never looks inside. */
  readonly payload: P;
  /** Of so many of its last tokens the logits are wanted. */
  readonly numLogits: number;
}

/**
 * prefill: one chunk of one prompt, or in neighbouring slots several whole prompts from position 0, each without its last
 * token; no row wants logits.
 * decode: one token of each running sequence, the first time the last one of its prompt: it is computed by the same kernels
 * whether the rest was read or was cached (docs/decisions/0011-same-answer.md). Behind it a row may have the tokens that are
 * expected to follow, a run, where the runner takes such. Rows are in ascending order of slots.
 */
export interface Batch<P> {
  readonly kind: "prefill" | "decode";
  readonly rows: readonly Row<P>[];
}

/** The model as the engine sees it; the real one lives in runtime/, a fake one in the tests. */
export interface ModelRunner<P> {
  readonly numSlots: number;
  /** Context limit in tokens. */
  readonly maxLength: number;
  readonly vocabSize: number;
  /** What is computed depends on where a prompt is cut, so it is cut alike whatever runs beside it. Default false. */
  readonly hasFixedCuts?: boolean;
  /** Most tokens that a decode step takes of one sequence. Absent: one. */
  readonly maxRun?: number;
  /**
   * Whether the logits of runs are those of the same tokens one by one, to the last bit: tried with this batch, before its step.
   * Undefined: it has no room for a run that would show. Present where `maxRun` is.
   */
  provesRuns?(batch: Batch<P>): Promise<boolean | undefined>;
  /**
   * A sequence is about to read its prompt in this slot: how many of its first tokens are there already, taken over from an
   * earlier sequence; fewer than all. Absent: none, ever.
   */
  begin?(slot: number, promptIds: readonly number[], payload: P): number;
  /**
   * Logits [vocabSize] of each token whose are wanted, row by row; valid until the next step. A row begins where its sequence's
   * cache ends; what a run wrote behind that was not what followed, and is void.
   */
  step(batch: Batch<P>): Promise<readonly Float32Array[]>;
  /** The slot's sequence has ended; what it cached is void. */
  release(slot: number): void;
}

/**
 * What one answer may be, token by token; made for one sequence and dropped with it. Stop tokens are the engine's: they
 * are open exactly while `mayEnd` is true, whatever `allow` says of them.
 */
export interface Constraint {
  /** Sets the logits [vocabSize] of all tokens that may not come next to -Infinity and leaves the others as they are. */
  allow(logits: Float32Array): void;
  /** The token that was chosen, unless it ended the sequence. */
  accept(tokenId: number): void;
  /** Whether the answer may end here. */
  readonly mayEnd: boolean;
  /** The next token belongs to a part whose probabilities within the constraint are of no use (thoughts). Absent: never. */
  readonly isAside?: boolean;
  /** What comes next as far as that is settled already, at most so many tokens. Changes nothing. Absent: never anything. */
  ahead?(most: number): Ahead;
  /** How many of these tokens may follow one another from here on. Changes nothing. Absent: all. */
  numAllowed?(tokens: readonly number[]): number;
}

export interface Ahead {
  /** Each the only token that may come. */
  readonly forced: readonly number[];
  /** After those, tokens that spell the only text that may come; others could spell it too. */
  readonly spelled: readonly number[];
}

export interface EngineRequest<P> {
  readonly promptIds: readonly number[];
  readonly payload: P;
  readonly sampling: SamplingOptions;
  readonly maxTokens: number;
  /** Tokens that end the sequence; the one that did is the last event. */
  readonly stopTokenIds: readonly number[];
  /** Applied after penalties and bias, before temperature and filters; logprobs stay the model's own. */
  readonly constraint?: Constraint;
  /** Of each token that the constraint left a choice for: its probability within it, and so many of the likeliest ones. */
  readonly constrainedTop?: number;
}

/** stop: a stop token; length: maxTokens, or the context is full. */
export type FinishReason = "stop" | "length";

export interface TokenLogprob {
  readonly tokenId: number;
  /** Natural logarithm of the model's own probability, before penalties, temperature and filters. */
  readonly logprob: number;
}

/** By the model's own probabilities, which are divided among the tokens that the constraint allows. */
export interface ConstrainedLogprobs {
  readonly logprob: number;
  /** The likeliest allowed tokens, likeliest first. */
  readonly top: readonly TokenLogprob[];
}

export interface TokenEvent {
  readonly tokenId: number;
  readonly logprob?: number;
  readonly topLogprobs?: readonly TokenLogprob[];
  /** Only with `constrainedTop`; absent where the constraint allowed one token, and where it is aside. */
  readonly constrained?: ConstrainedLogprobs;
  /** Where a step of the model's own was spared: the constraint left no other token, or a draft was right. */
  readonly source?: "forced" | "draft";
  /** On the first event of a step: drafted tokens that it verified. */
  readonly numDrafted?: number;
  /** On the first event only: tokens of the prompt that were not read, since the runner had them. */
  readonly cachedTokens?: number;
  /** On the last event only. */
  readonly finishReason?: FinishReason;
}
