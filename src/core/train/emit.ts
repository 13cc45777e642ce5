/** Fragments that several gradients are written with: shapes like another value's, sums over what was repeated, zeros. */
import { invariant } from "../base/index.js";
import type { Scope, Value } from "../graph/index.js";

/** The same numbers in the shape of `like`. */
export function reshapedLike(scope: Scope, x: Value, like: Value): Value {
  const unknown = like.shape.filter((size) => typeof size !== "number").length;
  if (unknown > 1) return scope.op("Reshape", [x, shapeOf(scope, like)]);
  return scope.reshape(x, like.shape.map((size) => (typeof size === "number" ? size : -1))); // biome-ignore format: one thought
}

/** i64 [rank], or of the axes from `start` to `end` */
export function shapeOf(scope: Scope, x: Value, start = 0, end = x.shape.length): Value {
  return scope.op("Shape", [x], { start, end });
}

export function sumOver(scope: Scope, x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value {
  return axes.length === 0 ? x : scope.op("ReduceSum", [x, scope.int64(axes)], { keepdims });
}

export function meanOfLast(scope: Scope, x: Value): Value {
  return scope.op("ReduceMean", [x], { axes: [-1], keepdims: 1 });
}

/** Numbers that were repeated by broadcasting are read at each place: their gradient is the sum over the places. */
export function sumTo(scope: Scope, grad: Value, like: Value): Value {
  const before = grad.shape.length - like.shape.length;
  const inside = like.shape.flatMap((size, i) => (size === 1 && grad.shape[before + i] !== 1 ? [before + i] : []));
  const leading = Array.from({ length: before }, (_, i) => i);
  if (inside.length === 0) return sumOver(scope, grad, leading, 0);
  const sum = sumOver(scope, grad, [...leading, ...inside]);
  return before === 0 ? sum : reshapedLike(scope, sum, like);
}

export function zerosLike(scope: Scope, x: Value): Value {
  return scope.op("Expand", [scope.float32(0), shapeOf(scope, x)]);
}

/** Rows of the last axis under each other. */
export function asRows(scope: Scope, x: Value): Value {
  return x.shape.length === 2 ? x : scope.reshape(x, [-1, lastSize(x)]);
}

export function lastSize(x: Value): number {
  const size = x.shape.at(-1);
  invariant(typeof size === "number", `the last size of ${x.name} is a name`);
  return size;
}

/** 1 - x */
export function complement(scope: Scope, x: Value): Value {
  return scope.op("Sub", [scope.float32(1), x]);
}

/** [B, S, heads·d] → [B, heads, S, d] */
export function headsFirst(scope: Scope, x: Value, heads: number): Value {
  const split = scope.reshape(x, [0, 0, heads, lastSize(x) / heads]);
  return scope.op("Transpose", [split], { perm: [0, 2, 1, 3] });
}

/** And back. */
export function headsLast(scope: Scope, x: Value): Value {
  const [, heads] = x.shape as [unknown, number];
  return scope.reshape(scope.op("Transpose", [x], { perm: [0, 2, 1, 3] }), [0, 0, heads * lastSize(x)]);
}

/** Computed when it is first read, if ever. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
