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
  /** Of q and k. Absent: positions are in x. */
  readonly rotary?: Rotary;
  /** Each token sees itself and those before it, or the rows of its window. Default: all. */
  readonly visible?: "before" | Windows;
}

/** x [batch, sequence, D] → the same */
export function encoderBlock(
  scope: Scope,
  x: Value,
  { norms, norm, epsilon, attention, mlp: half }: EncoderBlock,
): Value {
  const D = lastSize(x);
  const normalise = norm === "rms" ? rmsNorm : layerNorm;
  const mixed = attend(scope.at(attention.at), normalise(scope, norms[0], x, epsilon), attention);
  const afterAttention = scope.op("Add", [x, linear(scope, attention.out, mixed, D, { bias: true })]);
  const normed = normalise(scope, norms[1], afterAttention, epsilon);
  return scope.op("Add", [afterAttention, mlp(half.at ? scope.at(half.at) : scope, normed, D, half)]);
}

function attend(scope: Scope, x: Value, { qkv, numHeads, bias, rotary, visible }: EncoderAttention): Value {
  const D = lastSize(x);
  const [q, k, v] =
    qkv.length === 1
      ? scope.split(linear(scope, qkv[0], x, 3 * D, { bias }), [D, D, D])
      : qkv.map((name) => linear(scope, name, x, D, { bias }));
  const [turnedQ, turnedK] = rotary ? [rotate(scope, q!, rotary), rotate(scope, k!, rotary)] : [q!, k!];
  if (typeof visible === "object") return windowAttention(scope, [turnedQ, turnedK, v!], visible, numHeads);
  return (visible === "before" ? causalAttention : fullAttention)(scope, turnedQ, turnedK, v!, numHeads);
}
