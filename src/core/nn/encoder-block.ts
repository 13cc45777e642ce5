/**
 * The block of an encoder, of images or of texts: pre-norm attention over the whole sequence and a feed-forward half.
 *
 *   x ─ norm ─ attention ─ + x ─ norm ─ mlp ─ + ─→        [ViT, Dosovitskiy et al. 2020]
 *
 * Families differ in the names of the parts, in what is one product or three, in biases, rotation and visibility.
 */
import type { Scope, Value } from "../graph/index.js";
import { causalAttention, fullAttention, type Rotary, rotate, type Windows, windowAttention } from "./attention.js";
import { lastSize, linear } from "./linear.js";
import { type Mlp, mlp } from "./mlp.js";
import { layerNorm, rmsNorm } from "./norm.js";

export interface EncoderBlock {
  /** Paths of the norms before attention and before the feed-forward half. */
  readonly norms: readonly [string, string];
  /** LayerNorm unless it says otherwise. */
  readonly norm?: "rms";
  readonly epsilon: number;
  /** Learned factors of each half's columns before it is added, by name. [LayerScale, Touvron et al. 2021] */
  readonly scales?: readonly [string, string];
  readonly attention: EncoderAttention;
  /** Its `up` and `down` lie below `at`, or in the block itself. */
  readonly mlp: Mlp & { readonly at?: string };
}

export interface EncoderAttention {
  /** Where q, k and v are made. */
  readonly at: string;
  /** Below `at`: one product of all three, or three. */
  readonly qkv: readonly [string] | readonly [string, string, string];
  /** The output product, a path from the block. */
  readonly out: string;
  readonly numHeads: number;
  /** Of q, k and v; the output product always has one. */
  readonly bias: boolean;
  /** RMSNorms of q and k over all heads together. */
  readonly norms?: { readonly q: string; readonly k: string; readonly epsilon: number };
  /** Of q and k. Absent: positions are in x. */
  readonly rotary?: Rotary;
  /** Each token sees itself and those before it, or the rows of its window. Default: all. */
  readonly visible?: "before" | Windows;
}

/** x [batch, sequence, D] → the same */
export function encoderBlock(
  scope: Scope,
  x: Value,
  { norms, norm, epsilon, scales, attention, mlp: half }: EncoderBlock,
): Value {
  const D = lastSize(x);
  const normalise = norm === "rms" ? rmsNorm : layerNorm;
  const scaled = (value: Value, half: 0 | 1) =>
    scales ? scope.op("Mul", [value, scope.weight(scales[half], [D])]) : value;
  const mixed = attend(scope.at(attention.at), normalise(scope, norms[0], x, epsilon), attention);
  const afterAttention = scope.op("Add", [x, scaled(linear(scope, attention.out, mixed, D, { bias: true }), 0)]);
  const normed = normalise(scope, norms[1], afterAttention, epsilon);
  return scope.op("Add", [afterAttention, scaled(mlp(half.at ? scope.at(half.at) : scope, normed, D, half), 1)]);
}

/** q, k, v of x and what they read, before the output product. x [batch, sequence, D] → the same */
export function attend(
  scope: Scope,
  x: Value,
  { qkv, numHeads, bias, norms, rotary, visible }: EncoderAttention,
): Value {
  const D = lastSize(x);
  const [madeQ, madeK, v] =
    qkv.length === 1
      ? scope.split(linear(scope, qkv[0], x, 3 * D, { bias }), [D, D, D])
      : qkv.map((name) => linear(scope, name, x, D, { bias }));
  const normed = (rows: Value, name: "q" | "k") => (norms ? rmsNorm(scope, norms[name], rows, norms.epsilon) : rows);
  const [q, k] = [normed(madeQ!, "q"), normed(madeK!, "k")];
  const [turnedQ, turnedK] = rotary ? [rotate(scope, q, rotary), rotate(scope, k, rotary)] : [q, k];
  if (typeof visible === "object") return windowAttention(scope, [turnedQ, turnedK, v!], visible, numHeads);
  return (visible === "before" ? causalAttention : fullAttention)(scope, turnedQ, turnedK, v!, numHeads);
}
