/**
 * What a model family must say of itself. One file per family, named by the checkpoint's `model_type`; everything else
 * in the house knows families only through this contract.
 */
import type { GraphBuilder } from "../graph/index.js";
import type { ImageGrid, ImageRecipe } from "../image/index.js";

/** Keys and values that one sequence keeps, for every layer [kv_heads, capacity, head_dim]. */
export interface CacheSpec {
  readonly numLayers: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
}

/** cos and sin [count, head_dim/2] for `count` tokens. */
export interface RotaryAngles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Tokens of one sequence in this step: cache positions `start` to `start + count - 1`. */
export interface TokenRow {
  readonly start: number;
  readonly count: number;
}

/** Numbers the rooms above need from a config, spelled alike for all families. */
export interface ModelDimensions {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Tokens of context the model was made for. */
  readonly maxLength: number;
  readonly eosTokenIds: readonly number[];
}

export interface ModelFamily<C> {
  readonly modelType: string;
  /** @throws `invalid_config` naming the field, what was expected and found. */
  parseConfig(json: unknown): C;
  dimensions(config: C): ModelDimensions;
  cache(config: C): CacheSpec;
  /** The one spelling our graphs use, for every spelling found in checkpoints. */
  canonicalName(checkpointName: string): string;
  /** Tensors that checkpoints carry and no graph reads. */
  isUnused(canonicalName: string): boolean;
  /** Token embedding table [vocab_size, hidden_size], read by the host row by row. */
  embedTokens: string;
  /** The matrix of the output head; equal to `embedTokens` when tied. */
  headName(config: C): string;
  buildVision(builder: GraphBuilder, config: C): void;
  buildDecoder(builder: GraphBuilder, config: C): void;
  image: {
    /** Stated by the checkpoint's preprocessor_config.json, or the family's default. */
    recipe(config: C, preprocessorConfig: unknown): ImageRecipe;
    tokenId(config: C): number;
    /** Rows of the prompt that one picture takes. */
    numTokens(config: C, grid: ImageGrid): number;
  };
  rotary(config: C, row: TokenRow): RotaryAngles;
}
