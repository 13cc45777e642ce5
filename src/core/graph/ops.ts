/**
 * The operators we use, with their domain and shape inference. Only what some model needs is here; a new operator is
 * one entry. Contracts: ONNX operator specification (opset 17) and ONNX Runtime's docs/ContribOperators.md.
 */
import { OcellusError } from "../base/index.js";
import { type DType, formatShape } from "../tensor/index.js";
import type { Attributes, Dim, Value } from "./value.js";

export type Inferred = readonly Omit<Value, "name">[];

interface OpDefinition {
  readonly domain: "" | "com.microsoft";
  /** Output dtypes and shapes, or an error that says which input does not fit. */
  infer(inputs: readonly (Value | undefined)[], attributes: Attributes): Inferred;
}

const same = ([x]: readonly (Value | undefined)[]): Inferred => [{ dtype: x!.dtype, shape: x!.shape }];

function fail(message: string, ...operands: Value[]): never {
  throw new OcellusError("invalid_config", message, { details: { operands: operands.map(describe) } });
}

function sameDim(a: Dim, b: Dim): boolean {
  return a === b;
}

function number(attributes: Attributes, name: string): number {
  const value = attributes[name];
  if (typeof value !== "number") fail(`attribute ${name}: expected a number, found ${JSON.stringify(value)}`);
  return value;
}

function last(value: Value): Dim {
  return value.shape[value.shape.length - 1]!;
}

/** NumPy broadcasting of two shapes. */
function broadcast(a: Value, b: Value): readonly Dim[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  const dimAt = (v: Value, i: number): Dim => v.shape[v.shape.length - rank + i] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [dimAt(a, i), dimAt(b, i)];
    if (sameDim(x, y) || y === 1) return x;
    if (x === 1) return y;
    return fail(`cannot broadcast ${describe(a)} with ${describe(b)}`, a, b);
  });
}

const elementwise: OpDefinition = {
  domain: "",
  infer: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast(a!, b!) }],
};

const unary = (domain: OpDefinition["domain"]): OpDefinition => ({ domain, infer: same });

/** Norms over the last axis: the weight (and bias) must be as long as that axis. */
const lastAxisNorm: OpDefinition = {
  domain: "",
  infer: ([x, ...weights]) => {
    for (const weight of weights) {
      if (weight && !sameDim(weight.shape[0]!, last(x!)))
        fail(`norm of ${describe(x!)} with weight ${describe(weight)}`, x!, weight);
    }
    return same([x]);
  },
};

function describe(value: Value): string {
  return `${value.name}: ${value.dtype}${formatShape(value.shape)}`;
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

/** ONNX Reshape: 0 copies the input's size, one -1 takes what is left. */
function reshaped(x: Value, target: readonly Dim[]): readonly Dim[] {
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

function matMulNBits([a, b]: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  if (!sameDim(last(a!), number(attributes, "K"))) fail(`MatMulNBits: ${describe(a!)} against K=${attributes.K}`, a!);
  if (!sameDim(b!.shape[0]!, number(attributes, "N")))
    fail(`MatMulNBits: ${describe(b!)} against N=${attributes.N}`, b!);
  return [{ dtype: a!.dtype, shape: [...a!.shape.slice(0, -1), number(attributes, "N")] }];
}

/** Codes [N·K/2] and scales [N·K/block] of the flattened matrix. */
function matMulBnb4([a, b, scales]: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const [k, n, block] = ["K", "N", "block_size"].map((name) => number(attributes, name)) as [number, number, number];
  const fits = last(a!) === k && b!.shape[0] === (n * k) / 2 && scales!.shape[0] === (n * k) / block;
  if (!fits)
    fail(
      `MatMulBnb4: ${describe(a!)}, ${describe(b!)} and ${describe(scales!)} against K=${k}, N=${n}`,
      a!,
      b!,
      scales!,
    );
  return [{ dtype: a!.dtype, shape: [...a!.shape.slice(0, -1), n] }];
}

/** [.., K] × [N, K]ᵀ, or [.., K] × [K, N] without transB; with transA, the first is [K, M]. */
function matMul([given, b]: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const a = attributes.transA ? { ...given!, shape: given!.shape.toReversed() } : given;
  const [k, n] = attributes.transB ? [b!.shape[1]!, b!.shape[0]!] : [b!.shape[0]!, b!.shape[1]!];
  if (b!.shape.length !== 2 || !sameDim(last(a!), k))
    fail(`cannot multiply ${describe(a!)} by ${describe(b!)}`, a!, b!);
  return [{ dtype: a!.dtype, shape: [...a!.shape.slice(0, -1), n] }];
}

/** Query [B, S, heads*head_dim], key and value [B, S, kv_heads*head_dim], past [B, kv_heads, capacity, head_dim]. */
function groupQueryAttention(inputs: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const [query, key, value, pastKey, pastValue] = inputs as Value[];
  const headDim = (last(query!) as number) / number(attributes, "num_heads");
  const expected = number(attributes, "kv_num_heads") * headDim;
  for (const x of [key!, value!])
    if (last(x) !== expected) fail(`GroupQueryAttention: ${describe(x)}, expected ${expected} columns`, x);
  return [query!, pastKey!, pastValue!].map(({ dtype, shape }) => ({ dtype, shape }));
}

function split([x]: readonly (Value | undefined)[], attributes: Attributes, sizes: readonly number[]): Inferred {
  const axis = number(attributes, "axis");
  const at = axis < 0 ? x!.shape.length + axis : axis;
  if (x!.shape[at] !== sizes.reduce((a, b) => a + b, 0))
    fail(`cannot split ${describe(x!)} into ${sizes.join("+")}`, x!);
  return sizes.map((size) => ({ dtype: x!.dtype, shape: x!.shape.map((d, i) => (i === at ? size : d)) }));
}

function concat(inputs: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const axis = number(attributes, "axis");
  const values = inputs as readonly Value[];
  const sizes = values.map((v) => v.shape[axis]!);
  const total = sizes.every((d) => typeof d === "number")
    ? sizes.reduce((a, b) => (a as number) + (b as number), 0)
    : sizes.join("+");
  const shape = values[0]!.shape.map((d, i) => (i === axis ? total : d));
  const contents = values.every((v) => v.contents) ? { contents: values.flatMap((v) => v.contents!) } : {};
  return [{ dtype: values[0]!.dtype, shape, ...contents }];
}

/** x [N, C, H, W], kernel [M, C/group, h, w]; `strides` [2], `pads` [top, left, bottom, right]. */
function conv([x, kernel, bias]: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const [n, channels, ...size] = x!.shape as [Dim, number, number, number];
  const [filters, perGroup, ...window] = kernel!.shape as [number, number, number, number];
  const [strides, pads] = [attributes.strides, attributes.pads] as [readonly number[], readonly number[]];
  if (perGroup * number(attributes, "group") !== channels)
    fail(`Conv: ${describe(x!)} with kernel ${describe(kernel!)}`, x!, kernel!);
  if (bias && bias.shape[0] !== filters)
    fail(`Conv: kernel ${describe(kernel!)} with bias ${describe(bias)}`, kernel!, bias);
  const out = size.map((side, i) => Math.floor((side + pads[i]! + pads[i + 2]! - window[i]!) / strides[i]!) + 1);
  return [{ dtype: x!.dtype, shape: [n, filters, ...out] }];
}

/** x [B, C, S], kernel [C, 1, k], no bias, past [B, C, k - 1] → [B, C, S], present like past. */
function causalConv([x, kernel, , past]: readonly (Value | undefined)[]): Inferred {
  const fits = kernel!.shape[0] === x!.shape[1] && past!.shape[1] === x!.shape[1];
  const size = kernel!.shape[2] as number;
  if (!fits || past!.shape[2] !== size - 1)
    fail(`CausalConvWithState: ${describe(x!)} with ${describe(kernel!)} and ${describe(past!)}`, x!, kernel!, past!);
  return [x!, past!].map(({ dtype, shape }) => ({ dtype, shape }));
}

/** q, k [B, S, heads·dk], v [B, S, heads·dv], past [B, value heads, dk, dv] → [B, S, value heads·dv], present like past. */
function linearAttention([q, , v, past]: readonly (Value | undefined)[], attributes: Attributes): Inferred {
  const [keyHeads, valueHeads] = [number(attributes, "q_num_heads"), number(attributes, "kv_num_heads")];
  const [, heads, dk, dv] = past!.shape as [Dim, number, number, number];
  if (heads !== valueHeads || last(q!) !== keyHeads * dk || last(v!) !== valueHeads * dv)
    fail(`LinearAttention: ${describe(q!)}, ${describe(v!)} with ${describe(past!)}`, q!, v!, past!);
  return [v!, past!].map(({ dtype, shape }) => ({ dtype, shape }));
}

function padded(dim: Dim): Dim {
  return typeof dim === "number" ? dim : `padded_${dim}`;
}

/** TensorProto.DataType of the types we cast to. */
const castTargets: Readonly<Record<number, DType>> = { 1: "f32", 6: "i32", 10: "f16" };

function rowsFrom(x: Value, from: number): readonly Dim[] {
  const [rows, ...rest] = x.shape as [Dim, ...Dim[]];
  return [typeof rows === "number" ? rows - from : `${rows}-${from}`, ...rest];
}

/** Codes [.., K] by codes [K, N]; scales of the left (a scalar) and of each column of the right. */
function matMulIntegerToFloat([a, b, , scales]: readonly (Value | undefined)[]): Inferred {
  if (!sameDim(last(a!), b!.shape[0]!) || !sameDim(b!.shape[1]!, scales!.shape[0]!))
    fail(`MatMulIntegerToFloat: ${describe(a!)} by ${describe(b!)} with ${describe(scales!)}`, a!, b!, scales!);
  return [{ dtype: "f32", shape: [...a!.shape.slice(0, -1), b!.shape[1]!] }];
}

/** Of operators that token-runs.ts writes with the shapes of their outputs. */
function unknownShape(): never {
  throw new OcellusError("internal", "internal: the shape of this operator is not inferred", { details: {} });
}

export const ops = {
  Abs: unary(""),
  Add: elementwise,
  Mul: elementwise,
  Cast: {
    domain: "",
    infer: ([x], attributes) => [{ dtype: castTargets[number(attributes, "to")]!, shape: x!.shape }],
  },
  CausalConvWithState: { domain: "com.microsoft", infer: causalConv },
  /** x, least, most: scalars. */
  Clip: unary(""),
  Concat: { domain: "", infer: concat },
  Conv: { domain: "", infer: conv },
  Exp: unary(""),
  Expand: { domain: "", infer: ([x, shape]) => [{ dtype: x!.dtype, shape: shape!.contents! }] },
  FastGelu: unary("com.microsoft"),
  FusedMatMul: { domain: "com.microsoft", infer: matMul },
  Gather: {
    domain: "",
    infer: ([x, indices], { axis = 0 }) => {
      const [before, behind] = [x!.shape.slice(0, axis as number), x!.shape.slice((axis as number) + 1)];
      return [{ dtype: x!.dtype, shape: [...before, ...indices!.shape, ...behind] }];
    },
  },
  GatherND: { domain: "", infer: unknownShape },
  Gelu: unary("com.microsoft"),
  /** [N, C, H, W] → [N, C, 1, 1] */
  GlobalAveragePool: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), 1, 1] }] },
  Greater: { domain: "", infer: unknownShape },
  GroupQueryAttention: { domain: "com.microsoft", infer: groupQueryAttention },
  Identity: unary(""),
  If: { domain: "", infer: unknownShape },
  LayerNormalization: lastAxisNorm,
  LinearAttention: { domain: "com.microsoft", infer: linearAttention },
  Loop: { domain: "", infer: unknownShape },
  MatMulBnb4: { domain: "com.microsoft", infer: matMulBnb4 },
  MatMulIntegerToFloat: { domain: "com.microsoft", infer: matMulIntegerToFloat },
  MatMulNBits: { domain: "com.microsoft", infer: matMulNBits },
  MultiHeadAttention: { domain: "com.microsoft", infer: same },
  Neg: unary(""),
  /** Named sizes may grow, by as much as `pads` says at run time; numbers stay. */
  Pad: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape.map(padded) }] },
  QuickGelu: unary("com.microsoft"),
  /** x, scales and zero points of its rows (axis 0). */
  QuantizeLinear: { domain: "", infer: ([x, , zero]) => [{ dtype: zero!.dtype, shape: x!.shape }] },
  /** Over the last axis (axes -1), kept as 1. */
  ReduceMax: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] }] },
  /** Over axis 0, kept as 1 (axes 0). */
  ReduceMean: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: [1, ...x!.shape.slice(1)] }] },
  ReduceSum: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape.slice(1) }] }, // axis 0, not kept
  /** Over all axes but the last, not kept. */
  ReduceSumSquare: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape.slice(-1) }] },
  Reshape: { domain: "", infer: ([x, shape]) => [{ dtype: x!.dtype, shape: reshaped(x!, shape!.contents!) }] },
  Shape: {
    domain: "",
    infer: ([x], attributes) => {
      const contents = x!.shape.slice(number(attributes, "start"), number(attributes, "end"));
      return [{ dtype: "i64", shape: [contents.length], contents }];
    },
  },
  Relu: unary(""),
  RotaryEmbedding: { domain: "com.microsoft", infer: same },
  ScatterND: { domain: "", infer: same },
  SimplifiedLayerNormalization: lastAxisNorm,
  Sigmoid: unary(""),
  /** From a row on: axis 0, to its end. */
  Slice: {
    domain: "",
    infer: ([x, starts]) => [{ dtype: x!.dtype, shape: rowsFrom(x!, starts!.contents![0] as number) }],
  },
  Softmax: unary(""),
  Softplus: unary(""),
  Tanh: unary(""),
  Split: {
    domain: "",
    infer: ([x, sizes], attributes) => split([x], attributes, sizes!.contents as readonly number[]),
  },
  Transpose: {
    domain: "",
    infer: ([x], { perm }) => [{ dtype: x!.dtype, shape: (perm as readonly number[]).map((axis) => x!.shape[axis]!) }],
  },
} as const satisfies Readonly<Record<string, OpDefinition>>;

export type OpType = keyof typeof ops;
