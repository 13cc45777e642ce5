/**
 * Gradients of attention over keys and values, and of rotary positions. The operators stay fused on the way forward; their weights
 * are computed once more on the way back, so nothing of them is kept between.
 * [onnxruntime contrib ops, MultiHeadAttention and RotaryEmbedding]
 */
import type { Node, Scope, Value } from "../graph/index.js";
import { headsFirst, headsLast, lastSize, once, shapeOf, sumOver } from "./emit.js";
import { type Rule, unwritten } from "./rule.js";

/** TensorProto.INT32 */
const int32 = 6;
/** Added to what is not seen: no exp of it is above zero. */
const unseen = -1e30;

/** P = softmax(α · q·kᵀ + mask), o = P·v: dv = Pᵀ·do; dP = do·vᵀ; dS = P ∘ (dP - Σ dP∘P); dq = α·dS·k; dk = α·dSᵀ·q */
const multiHeadAttention: Rule = ({ scope, node, inputs, attributes, grad }) => {
  checkAttributes(node);
  const [q, k, v, , lengths] = inputs;
  const heads = attributes.num_heads as number;
  const alpha = { float: 1 / Math.sqrt(lastSize(q!) / heads) };
  const [queries, keys, values, back] = [q!, k!, v!, grad].map((x) => once(() => headsFirst(scope, x, heads)));
  const weights = once(() => {
    const scores = scope.op("FusedMatMul", [queries!(), keys!()], { transB: 1, alpha });
    const masks = [...(attributes.unidirectional ? [futureMask(scope, q!)] : []), ...lengthMask(scope, k!, lengths)];
    return scope.op("Softmax", [masks.reduce((sum, mask) => scope.op("Add", [sum, mask]), scores)], { axis: -1 });
  });
  const scores = once(() => {
    const read = scope.op("FusedMatMul", [back!(), values!()], { transB: 1 });
    const along = sumOver(scope, scope.op("Mul", [read, weights()]), [3]);
    return scope.op("Mul", [weights(), scope.op("Sub", [read, along])]);
  });
  const merged = (left: Value, right: Value, attributes = {}) =>
    headsLast(scope, scope.op("FusedMatMul", [left, right], attributes));
  return [
    () => merged(scores(), keys!(), { alpha }),
    () => merged(scores(), queries!(), { transA: 1, alpha }),
    () => merged(weights(), back!(), { transA: 1 }),
  ];
};

const known = new Set(["num_heads", "unidirectional"]);

function checkAttributes(node: Node): void {
  const isKnown = Object.keys(node.attributes).every((name) => known.has(name));
  if (!isKnown || node.inputs[3] || node.inputs.length > 5)
    throw unwritten(node, "but without a bias or a scale of its own");
}

/** [S, S], above the diagonal what a token must not see */
function futureMask(scope: Scope, q: Value): Value {
  const length = shapeOf(scope, q, 1, 2);
  const all = scope.op("Expand", [scope.float32(unseen), scope.op("Concat", [length, length], { axis: 0 })]);
  return scope.op("Trilu", [all, scope.op("Squeeze", [scope.int64([1])])], { upper: 1 });
}

/** [B, 1, 1, keys]: only as many keys of a row are its own as `lengths` says. */
function lengthMask(scope: Scope, k: Value, lengths: Value | undefined): Value[] {
  if (!lengths) return [];
  const scalar = (of: Value) => scope.op("Squeeze", [of]);
  const places = scope.op("Range", [
    scalar(scope.int64([0])),
    scalar(shapeOf(scope, k, 1, 2)),
    scalar(scope.int64([1])),
  ]);
  const counts = scope.reshape(lengths, [-1, 1, 1, 1]);
  const isOwn = scope.op("Less", [scope.op("Cast", [places], { to: int32 }), counts]);
  return [scope.op("Where", [isOwn, scope.float32(0), scope.float32(unseen)])];
}

/** A rotation's transpose is the rotation back. Angles are no parameters. */
const rotaryEmbedding: Rule = ({ scope, inputs: [, positions, cos, sin], attributes, grad }) => [
  () => scope.op("RotaryEmbedding", [grad, positions, cos, scope.op("Neg", [sin!])], attributes),
];

export const attention = {
  MultiHeadAttention: multiHeadAttention,
  RotaryEmbedding: rotaryEmbedding,
} satisfies Record<string, Rule>;
