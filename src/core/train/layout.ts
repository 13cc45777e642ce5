/** Gradients of operators that move numbers about: shapes, places, repeats and sums. */
import { type Scope, toEnd, type Value } from "../graph/index.js";
import { once, reshapedLike, shapeOf, sumOver, sumTo, zerosLike } from "./emit.js";
import { type Rule, unwritten } from "./rule.js";

const transpose: Rule = ({ scope, attributes, grad }) => {
  const perm = attributes.perm as readonly number[];
  return [() => scope.op("Transpose", [grad], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
};

const split: Rule = ({ scope, node, grads, attributes }) => [
  () => {
    const parts = node.outputs.map((output, i) => grads[i] ?? zerosLike(scope, output));
    const rank = parts[0]!.shape.length;
    const axis = attributes.axis as number;
    return scope.op("Concat", parts, { axis: axis < 0 ? rank + axis : axis });
  },
];

const concat: Rule = ({ scope, inputs, attributes, grad }) => {
  const axis = attributes.axis as number;
  const parts = once(() => scope.ops("Split", [grad, sizesOf(scope, inputs, axis)], { axis }));
  return inputs.map((_, i) => () => parts()[i]!);
};

function sizesOf(scope: Scope, inputs: readonly Value[], axis: number): Value {
  const sizes = inputs.map(({ shape }) => shape[axis]!);
  if (sizes.every((size) => typeof size === "number")) return scope.int64(sizes);
  return scope.op("Concat", inputs.map((x) => shapeOf(scope, x, axis, axis + 1)), { axis: 0 }); // biome-ignore format: one thought
}

/** Each row that was taken gives its gradient back to where it came from; one that was taken twice, twice. */
const gather: Rule = ({ scope, node, inputs: [x, indices], attributes, grad }) => [
  () => {
    const axis = (attributes.axis as number | undefined) ?? 0;
    const behind = x!.shape.slice(axis + 1);
    const isList = indices!.shape.length === 1;
    if (!isList && axis !== 0) throw unwritten(node, "but of a list of places, or of rows");
    const list = isList ? grad : scope.reshape(grad, [-1, ...(behind as readonly number[])]);
    const places = scope.reshape(indices!, [...new Array<number>(axis).fill(1), -1, ...behind.map(() => 1)]);
    const everywhere = scope.op("Expand", [places, shapeOf(scope, list)]);
    // Not ScatterND: ONNX Runtime's adds from several threads at once.
    return scope.op("ScatterElements", [zerosLike(scope, x!), everywhere, list], { axis, reduction: "add" });
  },
];

const reduceSum: Rule = ({ scope, inputs: [x, axes], attributes, grad }) => [
  () => {
    const kept = attributes.keepdims === 0 ? scope.op("Unsqueeze", [grad, axes!]) : grad;
    return scope.op("Expand", [kept, shapeOf(scope, x!)]);
  },
];

/** Each number has an equal share in its mean. */
const reduceMean: Rule = ({ scope, inputs: [x], attributes, grad }) => [
  () => {
    const shape = shapeOf(scope, x!);
    const ones = scope.op("Expand", [scope.float32(1), shape]);
    const count = sumOver(scope, ones, attributes.axes as readonly number[]);
    const kept = attributes.keepdims === 0 ? reshapedLike(scope, grad, count) : grad;
    return scope.op("Expand", [scope.op("Div", [kept, count]), shape]);
  },
];

/** Zeros where nothing was taken from. */
const slice: Rule = ({ scope, inputs: [x, starts, ends, axes], grad }) => [
  () => {
    const rank = x!.shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    for (const [i, axis] of (axes!.contents as readonly number[]).entries()) {
      const end = ends!.contents![i] as number;
      pads[axis] = starts!.contents![i] as number;
      pads[axis + rank] = end < 0 ? -end : end === toEnd ? 0 : (x!.shape[axis] as number) - end;
    }
    return scope.op("Pad", [grad, scope.int64(pads)]);
  },
];

export const layout = {
  Concat: concat,
  Expand: ({ scope, inputs: [x], grad }) => [() => sumTo(scope, grad, x!)],
  Gather: gather,
  Identity: ({ grad }) => [() => grad],
  ReduceMean: reduceMean,
  ReduceSum: reduceSum,
  Reshape: ({ scope, inputs: [x], grad }) => [() => reshapedLike(scope, grad, x!)],
  Slice: slice,
  Split: split,
  Transpose: transpose,
} satisfies Record<string, Rule>;
