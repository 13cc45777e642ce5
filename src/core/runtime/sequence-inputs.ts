/** What a sequence brings to the decoder beside its token ids: its images' features, positions, and the key of its prompt. */
import type { CachedBlocks, TokenKey } from "../cache/portable.js";
import type { PromptPositions } from "../models/index.js";

/** What the decoder is given of one picture. */
export interface ImageFeatures {
  /** [numTokens, hidden_size] */
  readonly tokens: Float32Array;
  /** Further features, for the outputs of the first decoder layers: each shaped like `tokens`. */
  readonly deepstack: readonly Float32Array[];
}

/** One picture's place in a prompt, or that of some of its rows: they stand from `start` on. */
export interface PlacedImage extends ImageFeatures {
  readonly start: number;
  readonly numTokens: number;
}

/** A prompt as caches know it. */
export interface PromptKeys {
  /** Of every token of the prompt: its id, or what is in its picture. */
  readonly keys: readonly TokenKey[];
  /** Numbers of first tokens after which states may be kept, ascending. Default none. */
  readonly points?: readonly number[];
}

/** The beginning of a prompt as earlier sequences may have read it. */
export interface CachedPrefix extends PromptKeys {
  /** What of the prompt was known when it was prepared, and is held since: the pictures in there need no features. */
  readonly known: CachedBlocks;
}

/** What a sequence brings beside its token ids. */
export interface SequenceInputs {
  /** Those that are in a known prefix are left out. */
  readonly images: readonly PlacedImage[];
  readonly positions: PromptPositions;
  /** Absent: nothing is taken over from earlier sequences, nor kept for later ones. */
  readonly prefix?: CachedPrefix;
}
