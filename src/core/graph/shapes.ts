/**
 * Sizes of values as far as they are known while building: numbers, and products and sums of names such as "4*num_tokens"; and
 * the rules of the operators that move sizes about. [ONNX operator specification, opset 17; NumPy broadcasting]
 */
import { OcellusError } from "../base/index.js";
import { formatShape } from "../tensor/index.js";
import type { Attributes, Dim, Value } from "./value.js";

export type Inferred = readonly Omit<Value, "name">[];
export type Operands = readonly (Value | undefined)[];

export function fail(message: string, ...operands: Value[]): never {
  throw new OcellusError("invalid_config", message, { details: { operands: operands.map(describe) } });
}

export function describe(value: Value): string {
  return `${value.name}: ${value.dtype}${formatShape(value.shape)}`;
}

export function number(attributes: Attributes, name: string): number {
  const value = attributes[name];
  if (typeof value !== "number") fail(`attribute ${name}: expected a number, found ${JSON.stringify(value)}`);
  return value;
}

export function last(value: Value): Dim {
  return value.shape[value.shape.length - 1]!;
}

/** An axis counted from the front. */
function axisOf(x: Value, axis: number): number {
  return axis < 0 ? x.shape.length + axis : axis;
}

/** NumPy broadcasting of two shapes. */
export function broadcast(a: Value, b: Value, [x, y] = [a.shape, b.shape]): readonly Dim[] {
  const rank = Math.max(x.length, y.length);
  return Array.from({ length: rank }, (_, i) => {
    const [own, other] = [x[x.length - rank + i] ?? 1, y[y.length - rank + i] ?? 1];
    if (own === other || other === 1) return own;
    if (own === 1) return other;
    return fail(`cannot broadcast ${describe(a)} with ${describe(b)}`, a, b);
  });
}

/** A size as a whole number times named sizes: "4*num_tokens" → 4, ["num_tokens"]. */
function factors(dim: Dim): { number: number; names: readonly string[] } {
  if (typeof dim === "number") return { number: dim, names: [] };
  const parts = dim.split("*");
  const isNumber = (part: string) => /^\d+$/.test(part);
  return {
    number: parts.filter(isNumber).reduce((x, part) => x * Number(part), 1),
    names: parts.filter((part) => !isNumber(part)),
  };
}

/** `a * b * c` for sizes: a number where all are, else a readable product such as "64*batch*sequence". */
function product(dims: readonly Dim[]): Dim {
  const parts = dims.map(factors);
  const number = parts.reduce((x, part) => x * part.number, 1);
  const names = parts.flatMap((part) => part.names).sort();
  return names.length === 0 ? number : [...(number === 1 ? [] : [number]), ...names].join("*");
}

/** `dim + count`: 4, 2 → 6; "sequence", 3 → "3+sequence" and, by -3, back. */
function plus(dim: Dim, count: number): Dim {
  if (typeof dim === "number") return dim + count;
  const [, more = "0", rest = dim] = /^(-?\d+)\+(.*)$/.exec(dim) ?? [];
  const sum = Number(more) + count;
  return sum === 0 ? rest : `${sum}+${rest}`;
}

/** ONNX Reshape: 0 copies the input's size, one -1 takes what is left. */
export function reshaped(x: Value, target: readonly Dim[]): readonly Dim[] {
  const copied = target.map((d, i) => (d === 0 ? x.shape[i]! : d));
  const rest = x.shape.filter((_, i) => target[i] !== 0);
  const known = product(copied.filter((d, i) => d !== -1 && target[i] !== 0));
  const total = product(rest);
  if (!copied.includes(-1)) {
    if (total !== known) fail(`cannot reshape ${describe(x)} to ${formatShape(copied)}`, x);
    return copied;
  }
  const left = quotient(x, total, known);
  return copied.map((d) => (d === -1 ? left : d));
}

/** "192*n*m" / "64*n" → "3*m" */
function quotient(x: Value, total: Dim, known: Dim): Dim {
  const [whole, divisor] = [factors(total), factors(known)];
  const names = [...whole.names];
  const isFound = divisor.names.every((name) => names.includes(name) && names.splice(names.indexOf(name), 1));
  if (!isFound || whole.number % divisor.number !== 0) {
    return fail(`cannot reshape ${describe(x)}: ${total} elements do not divide by ${known}`, x);
  }
  return product([whole.number / divisor.number, ...names]);
}

/** Matrices of the last two axes, each turned if it says so; axes before them are broadcast. */
export function matMul([a, b]: Operands, { transA, transB }: Attributes): Inferred {
  const [x, y] = [a!, b!];
  const matrix = ({ shape }: Value, isTurned: unknown) => (isTurned ? shape.slice(-2).reverse() : shape.slice(-2));
  const [rows, k] = matrix(x, transA);
  const [columnsOf, columns] = matrix(y, transB);
  if (y.shape.length < 2 || k !== columnsOf) fail(`cannot multiply ${describe(x)} by ${describe(y)}`, x, y);
  const before = broadcast(x, y, [x.shape.slice(0, -2), y.shape.slice(0, -2)]);
  return [{ dtype: x.dtype, shape: [...before, rows!, columns!] }];
}

/** Sums of sizes are not checked where some have names. */
export function split([x, sizes]: Operands, attributes: Attributes): Inferred {
  const [at, parts] = [axisOf(x!, number(attributes, "axis")), sizes!.contents!];
  const total = parts.every((d) => typeof d === "number") ? parts.reduce((a, b) => a + b, 0) : undefined;
  if (total !== undefined && x!.shape[at] !== total) fail(`cannot split ${describe(x!)} into ${parts.join("+")}`, x!);
  return parts.map((size) => ({ dtype: x!.dtype, shape: x!.shape.map((d, i) => (i === at ? size : d)) }));
}

export function concat(inputs: Operands, attributes: Attributes): Inferred {
  const values = inputs as readonly Value[];
  const axis = axisOf(values[0]!, number(attributes, "axis"));
  const sizes = values.map((v) => v.shape[axis]!);
  const total = sizes.every((d) => typeof d === "number")
    ? sizes.reduce((a, b) => (a as number) + (b as number), 0)
    : sizes.join("+");
  const shape = values[0]!.shape.map((d, i) => (i === axis ? total : d));
  const contents = values.every((v) => v.contents) ? { contents: values.flatMap((v) => v.contents!) } : {};
  return [{ dtype: values[0]!.dtype, shape, ...contents }];
}

/** To a shape, or to where it and x broadcast. */
export function expand([x, shape]: Operands): Inferred {
  return [{ dtype: x!.dtype, shape: broadcast(x!, shape!, [x!.shape, shape!.contents!]) }];
}

/** Over the axes of the second input; kept as 1 unless `keepdims` is 0. */
export function reduced([x, axes]: Operands, attributes: Attributes): Inferred {
  const own = (axes?.contents ?? attributes.axes) as readonly number[];
  const at = new Set(own.map((axis) => axisOf(x!, axis)));
  const shape = x!.shape.flatMap((d, i) => (!at.has(i) ? [d] : attributes.keepdims === 0 ? [] : [1]));
  return [{ dtype: x!.dtype, shape }];
}

/** With `pads` known while building sizes grow by these; else numbers stay, and names may grow at run time. */
export function pad([x, pads]: Operands): Inferred {
  const known = pads?.contents as readonly number[] | undefined;
  const rank = x!.shape.length;
  const grown = (dim: Dim, i: number): Dim =>
    known ? plus(dim, known[i]! + known[i + rank]!) : typeof dim === "number" ? dim : `padded_${dim}`;
  return [{ dtype: x!.dtype, shape: x!.shape.map(grown) }];
}

/** x, starts, ends, axes: a start from the front; an end from behind (below 0), or so large that it is the end. */
export function slice([x, starts, ends, axes]: Operands): Inferred {
  const shape = [...x!.shape];
  for (const [i, axis] of (axes!.contents as readonly number[]).entries()) {
    const [start, end] = [starts!.contents![i] as number, ends!.contents![i] as number];
    shape[axis] = end >= 0 && end < toEnd ? end - start : plus(shape[axis]!, -start + Math.min(end, 0));
  }
  return [{ dtype: x!.dtype, shape }];
}

/** An end of a slice that is behind all ends. */
export const toEnd = 2 ** 31 - 1;

export function gather([x, indices]: Operands, { axis = 0 }: Attributes): Inferred {
  const at = axis as number;
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)] }];
}

export function transpose([x]: Operands, { perm }: Attributes): Inferred {
  return [{ dtype: x!.dtype, shape: (perm as readonly number[]).map((axis) => x!.shape[axis]!) }];
}

export function shapeOf([x]: Operands, attributes: Attributes): Inferred {
  const contents = x!.shape.slice(number(attributes, "start"), number(attributes, "end"));
  return [{ dtype: "i64", shape: [contents.length], contents }];
}

/** With an axis of size 1 at each place of the result that the second input names, in order. */
export function unsqueeze([x, axes]: Operands): Inferred {
  const shape = [...x!.shape];
  for (const axis of axes!.contents as readonly number[]) shape.splice(axis, 0, 1);
  return [{ dtype: x!.dtype, shape }];
}

/** Without the axes of size 1 that the second input names, or all of them. */
export function squeeze([x, axes]: Operands): Inferred {
  const { dtype, shape, contents } = x!;
  const isLeft = (size: Dim, i: number) => (axes ? !axes.contents!.includes(i) : size !== 1);
  return [{ dtype, shape: shape.filter(isLeft), ...(contents && { contents }) }];
}
