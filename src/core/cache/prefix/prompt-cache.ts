/**
 * What a decoder computed for the beginning of a prompt, kept for later ones that begin alike: prefix-cache.ts where that can be
 * cut after any token, snapshot-cache.ts where layers keep states, which cannot.
 */

import type { KvValues } from "../../tensor/index.js";

/** Equal keys at equal places behind equal keys: equal values in every layer. Numbers are ids of text. */
export type TokenKey = number | string;

/** Keys and values of tokens `start` to `start + count - 1`; `values` may be of more tokens. */
export interface CachedBlock {
  readonly start: number;
  readonly count: number;
  readonly values: KvValues;
}

/** The beginning of a prompt. */
export interface CachedBlocks {
  /** From the first token on, without gaps. */
  readonly blocks: readonly CachedBlock[];
  /** Tokens that are known. */
  readonly length: number;
  /** After these tokens, of layers that keep states. */
  readonly states?: Float32Array;
}

export const nothingCached: CachedBlocks = { blocks: [], length: 0 };

export interface PromptCache {
  readonly bytes: number;
  /** Whether what is cached ends in a state, so that a prompt resumes at one of its own points only. */
  readonly needsStates: boolean;
  /**
   * The longest known prefix, leaving at least one token to be read. What it gives stays valid for as long as it is held,
   * whatever is forgotten meanwhile. `counts`: whether this makes it more likely to stay; once a request.
   * `points`: numbers of first tokens after which a state may be known, ascending.
   */
  find(keys: readonly TokenKey[], counts?: boolean, points?: readonly number[]): CachedBlocks;
  /**
   * Keeps what is known after all of these tokens; `read` copies the values of some, `readStates` the states behind the last. One
   * call after another.
   */
  add(
    keys: readonly TokenKey[],
    read: (firstToken: number, count: number) => Promise<KvValues>,
    points?: readonly number[],
    readStates?: () => Promise<Float32Array>,
  ): Promise<void>;
}
