/**
 * Attention in its uses: over a whole image or the windows of one (every token sees every token), causal over a text, and
 * causal over a cache of keys and values that lives in slots outside the graph.
 */
import type { Scope, Value } from "../graph/index.js";
import { lastSize } from "./linear.js";

/** softmax(q·kᵀ/√head_dim)·v, all tokens visible. q [B, Sq, D], k and v [B, Sk, D] → [B, Sq, D]. */
export function fullAttention(scope: Scope, q: Value, k: Value, v: Value, numHeads: number): Value {
  return scope.op("MultiHeadAttention", [q, k, v], { num_heads: numHeads });
}

/** As `fullAttention`, but each token sees itself and those before it. */
export function causalAttention(scope: Scope, q: Value, k: Value, v: Value, numHeads: number): Value {
  return scope.op("MultiHeadAttention", [q, k, v], { num_heads: numHeads, unidirectional: 1 });
}

/** Segments of a sequence that see themselves only, such as the windows of an image: the host says which rows are whose. */
export interface Windows {
  /** i64 [windows, widest]: the rows of each window, padded behind with any row. */
  readonly rows: Value;
  /** i32 [windows]: how many of them are its own. */
  readonly lengths: Value;
  /** i64 [sequence]: where each row is in `rows`, counted through. */
  readonly places: Value;
}

/** As `fullAttention`, within each window; one sequence, q, k and v [1, S, D]. The work is S · widest, not S². */
export function windowAttention(
  scope: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  { rows, lengths, places }: Windows,
  numHeads: number,
): Value {
  const D = lastSize(q);
  const [own, keys, values] = [q, k, v].map((x) => scope.op("Gather", [scope.reshape(x, [-1, D]), rows]));
  const inputs = [own, keys, values, undefined, lengths];
  const mixed = scope.op("MultiHeadAttention", inputs, { num_heads: numHeads });
  return scope.reshape(scope.op("Gather", [scope.reshape(mixed, [-1, D]), places]), [1, -1, D]);
}

/** Host-computed rotary angles for exactly the tokens of this step: cos and sin [tokens, half of the columns that turn]. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
  /** i64 [batch, sequence], 0, 1, 2, …: row of cos and sin for each token. */
  readonly positionIds: Value;
}

/** Half-split rotation, pairs (d, d + n/2) of the first n = 2 · columns of cos of each head. x [B, S, heads·head_dim]. */
export function rotate(scope: Scope, x: Value, { cos, sin, positionIds }: Rotary, headDim?: number): Value {
  const turning = 2 * lastSize(cos);
  const part =
    headDim === undefined || headDim === turning
      ? {}
      : { num_heads: lastSize(x) / headDim, rotary_embedding_dim: turning };
  return scope.op("RotaryEmbedding", [x, positionIds, cos, sin], { interleaved: 0, ...part });
}

/** The cache's side of a step. Lengths are per row, so that rows of different age share a batch. */
export interface CacheInputs {
  /** i32 [batch]: length of each row after this step, minus one. */
  readonly seqlensK: Value;
  /** i32 scalar: the longest row after this step. */
  readonly totalSequenceLength: Value;
}

export interface CachedAttention {
  readonly output: Value;
  readonly presentKey: Value;
  readonly presentValue: Value;
}

/**
 * Causal grouped-query attention; query head j reads kv head ⌊j / (heads / kv_heads)⌋.
 * q [B, S, heads·head_dim], k and v [B, S, kv_heads·head_dim], past [B, kv_heads, capacity, head_dim].
 */
export function cachedAttention(
  scope: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  [pastKey, pastValue]: readonly [Value, Value],
  cache: CacheInputs,
  headDim: number,
): CachedAttention {
  const inputs = [q, k, v, pastKey, pastValue, cache.seqlensK, cache.totalSequenceLength];
  const [output, presentKey, presentValue] = scope.ops("GroupQueryAttention", inputs, {
    num_heads: lastSize(q) / headDim,
    kv_num_heads: lastSize(k) / headDim,
  });
  return { output: output!, presentKey: presentKey!, presentValue: presentValue! };
}
