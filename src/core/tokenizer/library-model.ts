/**
 * What we change inside @huggingface/tokenizers' model, all on the instance: its merging (merges.ts), one call of `push` for
 * all tokens of a word (which fails beyond some 100,000), and a limit after which a text is known to be too long.
 */
import type { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { byteCharacters } from "./byte-level.js";
import { type BpeModel, createMerger } from "./merges.js";

/** The library's models; which members there are depends on the type. */
interface Model extends BpeModel {
  encode(words: readonly string[]): string[];
  bpe?(word: string): string[];
  /** Unigram's tokens of one word. */
  tokenize?(word: string): string[];
  cache?: { get(word: string): string[] | undefined; put(word: string, tokens: string[]): void };
  max_length_to_cache?: number;
  bpe_ranks?: Map<string, number>;
  readonly fuse_unk?: boolean;
}

/** Thrown by an encoding that needs more tokens than it may; `numTokens` is a lower bound, above the limit. */
export class TooManyTokens extends Error {
  constructor(
    readonly numTokens: number,
    readonly maxTokens: number,
  ) {
    super("the text has too many tokens");
  }
}

/**
 * Changes the model of a tokenizer that was just made.
 * @param isByteLevel whether tokens spell the bytes of the text
 * @returns `work` done with a limit: it throws `TooManyTokens` when it encodes more. What is not byte-level knows no limit:
 * there a token can stand for unknown text of any length.
 */
export function adoptModel(inner: LibraryTokenizer, isByteLevel: boolean): <T>(maxTokens: number, work: () => T) => T {
  const model = inner.model as unknown as Model;
  replaceMerges(model);
  const encodeAll = model.encode;
  const tokensOf = (word: string) => model.tokenize?.(word) ?? encodeAll.call(model, [word]);
  const longest = isByteLevel && !model.fuse_unk ? longestToken(model.tokens_to_ids) : Number.POSITIVE_INFINITY;
  let [most, taken] = [Number.POSITIVE_INFINITY, 0];
  const check = (further: number) => {
    if (taken + further > most) throw new TooManyTokens(taken + further, most);
  };
  model.encode = (words) => {
    check(Math.ceil(words.reduce((sum, word) => sum + word.length, 0) / longest));
    const tokens: string[] = [];
    for (const word of words) {
      check(Math.ceil(word.length / longest)); // merging a word is one step, however long it is
      const found = tokensOf(word);
      check(found.length);
      taken += found.length;
      for (const token of found) tokens.push(token);
    }
    return tokens;
  };
  return (maxTokens, work) => {
    [most, taken] = [Number.isFinite(longest) ? maxTokens : Number.POSITIVE_INFINITY, 0];
    return work();
  };
}

interface Normalizer {
  readonly config?: { readonly type?: string };
  readonly normalizers?: readonly Normalizer[];
  normalize(text: string): string;
}

/**
 * Lower case character by character, as the reference has it: JavaScript's own looks at neighbours, and makes another letter of
 * a Σ that ends a word.
 */
export function adoptLowercase(normalizer: Normalizer | null | undefined): void {
  if (!normalizer) return;
  if (normalizer.config?.type === "Lowercase")
    normalizer.normalize = (text) => Array.from(text, (character) => character.toLowerCase()).join("");
  for (const part of normalizer.normalizers ?? []) adoptLowercase(part);
}

function replaceMerges(model: Model): void {
  const merge = model.bpe && createMerger(model);
  if (!merge) return;
  const { cache, max_length_to_cache: maxCached = 0 } = model;
  model.bpe = (word) => {
    if (word === "") return [];
    const known = cache?.get(word);
    if (known) return known;
    const tokens = merge(word);
    if (word.length < maxCached) cache?.put(word, tokens);
    return tokens;
  };
  model.bpe_ranks = new Map(); // tens of megabytes
}

/** In mapped bytes; infinite where a byte has no token of its own: such a byte is left out of the text. */
function longestToken(ids: ReadonlyMap<string, number>): number {
  if (!byteCharacters.every((character) => ids.has(character))) return Number.POSITIVE_INFINITY;
  let longest = 1;
  for (const token of ids.keys()) longest = Math.max(longest, token.length);
  return longest;
}
