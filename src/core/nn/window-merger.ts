/**
 * Four neighbouring rows of an image become one in the middle of an encoder: they look at each other, then are one row of the
 * same width through a feed-forward half beside their mean.
 *
 *   blocks of 4 rows ─ norm ─ attention ─ + ─┬─ side by side ─ norm ─ product, GELU, product ─ + ─→ one row
 *                                            └─ mean ─────────────────────────────────────────┘
 *
 * [transformers modeling_minicpmv4_6.py, MiniCPMV4_6ViTWindowAttentionMerger]
 */
import type { Scope, Value } from "../graph/index.js";
import { attend, type EncoderAttention } from "./encoder-block.js";
import { lastSize, linear } from "./linear.js";
import { type Activation, mlp } from "./mlp.js";
import { layerNorm } from "./norm.js";

export interface WindowMerger {
  readonly attention: EncoderAttention;
  readonly activation: Activation;
  /** Columns between the products. */
  readonly width: number;
  readonly epsilon: number;
}

const rowsOfBlock = 4;

/** x [batch, rows, D], block by block → [batch, rows / 4, D] */
export function windowMerger(scope: Scope, x: Value, { attention, activation, width, epsilon }: WindowMerger): Value {
  const D = lastSize(x);
  const blocks = scope.reshape(x, [-1, rowsOfBlock, D]); // a batch of their own
  const mixed = attend(scope.at(attention.at), layerNorm(scope, "layer_norm1", blocks, epsilon), attention);
  const seen = scope.op("Add", [blocks, linear(scope, attention.out, mixed, D, { bias: true })]);
  const rows = scope.split(scope.reshape(seen, [-1, rowsOfBlock * D]), new Array<number>(rowsOfBlock).fill(D));
  const sum = rows.reduce((total, row) => scope.op("Add", [total, row]));
  const mean = scope.op("Mul", [sum, scope.float32(1 / rowsOfBlock)]);
  const joined = layerNorm(scope, "pre_norm", scope.op("Concat", rows, { axis: 1 }), epsilon);
  const half = { up: "linear_1", down: "linear_2", activation, width, bias: true };
  const merged = scope.op("Add", [mlp(scope, joined, D, half), mean]);
  const batch = scope.op("Shape", [x], { start: 0, end: 1 });
  return scope.op("Reshape", [merged, scope.op("Concat", [batch, scope.int64([-1, D])], { axis: 0 })]);
}
