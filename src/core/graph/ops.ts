/**
 * The operators we use, with their domain and shape inference. Only what some model needs is here; a new operator is
 * one entry. Contracts: ONNX operator specification (opset 17) and ONNX Runtime's docs/ContribOperators.md.
 */
import { OcellusError } from "../base/index.js";
import type { DType } from "../tensor/index.js";
import * as shapes from "./shapes.js";
import { broadcast, describe, fail, type Inferred, last, number, type Operands } from "./shapes.js";
import type { Attributes, Dim, Graph, Value } from "./value.js";

interface OpDefinition {
  readonly domain: "" | "com.microsoft";
  /** Output dtypes and shapes, or an error that says which input does not fit. */
  infer(inputs: Operands, attributes: Attributes): Inferred;
}

const same = ([x]: Operands): Inferred => [{ dtype: x!.dtype, shape: x!.shape }];

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
      if (weight && weight.shape[0] !== last(x!))
        fail(`norm of ${describe(x!)} with weight ${describe(weight)}`, x!, weight);
    }
    return same([x]);
  },
};

function matMulNBits([a, b]: Operands, attributes: Attributes): Inferred {
  if (last(a!) !== number(attributes, "K")) fail(`MatMulNBits: ${describe(a!)} against K=${attributes.K}`, a!);
  if (b!.shape[0] !== number(attributes, "N")) fail(`MatMulNBits: ${describe(b!)} against N=${attributes.N}`, b!);
  return [{ dtype: a!.dtype, shape: [...a!.shape.slice(0, -1), number(attributes, "N")] }];
}

/** Codes [N·K/2] and scales [N·K/block] of the flattened matrix. */
function matMulBnb4([a, b, scales]: Operands, attributes: Attributes): Inferred {
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

/** Query [B, S, heads*head_dim], key and value [B, S, kv_heads*head_dim], past [B, kv_heads, capacity, head_dim]. */
function groupQueryAttention(inputs: Operands, attributes: Attributes): Inferred {
  const [query, key, value, pastKey, pastValue] = inputs as Value[];
  const headDim = (last(query!) as number) / number(attributes, "num_heads");
  const expected = number(attributes, "kv_num_heads") * headDim;
  for (const x of [key!, value!])
    if (last(x) !== expected) fail(`GroupQueryAttention: ${describe(x)}, expected ${expected} columns`, x);
  return [query!, pastKey!, pastValue!].map(({ dtype, shape }) => ({ dtype, shape }));
}

/** x [N, C, H, W], kernel [M, C/group, h, w]; `strides` [2], `pads` [top, left, bottom, right]. */
function conv([x, kernel, bias]: Operands, attributes: Attributes): Inferred {
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
function causalConv([x, kernel, , past]: Operands): Inferred {
  const fits = kernel!.shape[0] === x!.shape[1] && past!.shape[1] === x!.shape[1];
  const size = kernel!.shape[2] as number;
  if (!fits || past!.shape[2] !== size - 1)
    fail(`CausalConvWithState: ${describe(x!)} with ${describe(kernel!)} and ${describe(past!)}`, x!, kernel!, past!);
  return [x!, past!].map(({ dtype, shape }) => ({ dtype, shape }));
}

/** q, k [B, S, heads·dk], v [B, S, heads·dv], past [B, value heads, dk, dv] → [B, S, value heads·dv], present like past. */
function linearAttention([q, , v, past]: Operands, attributes: Attributes): Inferred {
  const [keyHeads, valueHeads] = [number(attributes, "q_num_heads"), number(attributes, "kv_num_heads")];
  const [, heads, dk, dv] = past!.shape as [Dim, number, number, number];
  if (heads !== valueHeads || last(q!) !== keyHeads * dk || last(v!) !== valueHeads * dv)
    fail(`LinearAttention: ${describe(q!)}, ${describe(v!)} with ${describe(past!)}`, q!, v!, past!);
  return [v!, past!].map(({ dtype, shape }) => ({ dtype, shape }));
}

/** TensorProto.DataType of the types we cast to. */
const castTargets: Readonly<Record<number, DType>> = { 1: "f32", 6: "i32", 10: "f16" };

/** Codes [.., K] by codes [K, N]; scales of the left (a scalar) and of each column of the right. */
function matMulIntegerToFloat([a, b, , scales]: Operands): Inferred {
  if (last(a!) !== b!.shape[0] || b!.shape[1] !== scales!.shape[0])
    fail(`MatMulIntegerToFloat: ${describe(a!)} by ${describe(b!)} with ${describe(scales!)}`, a!, b!, scales!);
  return [{ dtype: "f32", shape: [...a!.shape.slice(0, -1), b!.shape[1]!] }];
}

/** A Scan's, from those of its body: states, then what it gives of each step, one below the other. */
function scanned(inputs: Operands, attributes: Attributes): Inferred {
  const { outputs } = attributes.body as Omit<Graph, "initializers">;
  const numScanned = number(attributes, "num_scan_inputs");
  const numStates = inputs.length - numScanned;
  const steps = inputs.at(-1)!.shape[0]!;
  return outputs.map(({ dtype, shape }, i) => ({ dtype, shape: i < numStates ? shape : [steps, ...shape] }));
}

/** From a scalar up to another, by steps of one: the second is the count where the first is 0. */
function range([, limit]: Operands): Inferred {
  return [{ dtype: limit!.dtype, shape: [limit!.contents![0]!] }];
}

/** Of operators that token-runs.ts writes with the shapes of their outputs. */
function unknownShape(): never {
  throw new OcellusError("internal", "internal: the shape of this operator is not inferred", { details: {} });
}

export const ops = {
  Abs: unary(""),
  Add: elementwise,
  Cast: {
    domain: "",
    infer: ([x], attributes) => [{ dtype: castTargets[number(attributes, "to")]!, shape: x!.shape }],
  },
  CausalConvWithState: { domain: "com.microsoft", infer: causalConv },
  /** x, least, most: scalars. */
  Clip: unary(""),
  Concat: { domain: "", infer: shapes.concat },
  Conv: { domain: "", infer: conv },
  Div: elementwise,
  Erf: unary(""),
  Exp: unary(""),
  Expand: { domain: "", infer: shapes.expand },
  FastGelu: unary("com.microsoft"),
  FusedMatMul: { domain: "com.microsoft", infer: shapes.matMul },
  Gather: { domain: "", infer: shapes.gather },
  GatherElements: { domain: "", infer: ([x, indices]) => [{ dtype: x!.dtype, shape: indices!.shape }] },
  GatherND: { domain: "", infer: unknownShape },
  Gelu: unary("com.microsoft"),
  /** [N, C, H, W] → [N, C, 1, 1] */
  GlobalAveragePool: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), 1, 1] }] },
  Greater: { domain: "", infer: unknownShape },
  GroupQueryAttention: { domain: "com.microsoft", infer: groupQueryAttention },
  Identity: unary(""),
  If: { domain: "", infer: unknownShape },
  LayerNormalization: lastAxisNorm,
  Less: { domain: "", infer: ([a, b]) => [{ dtype: "bool", shape: broadcast(a!, b!) }] },
  LinearAttention: { domain: "com.microsoft", infer: linearAttention },
  Log: unary(""),
  Loop: { domain: "", infer: unknownShape },
  MatMulBnb4: { domain: "com.microsoft", infer: matMulBnb4 },
  MatMulIntegerToFloat: { domain: "com.microsoft", infer: matMulIntegerToFloat },
  MatMulNBits: { domain: "com.microsoft", infer: matMulNBits },
  Mul: elementwise,
  MultiHeadAttention: { domain: "com.microsoft", infer: same },
  Neg: unary(""),
  Pad: { domain: "", infer: shapes.pad },
  QuickGelu: unary("com.microsoft"),
  /** x, scales and zero points of its rows (axis 0). */
  QuantizeLinear: { domain: "", infer: ([x, , zero]) => [{ dtype: zero!.dtype, shape: x!.shape }] },
  Range: { domain: "", infer: range },
  /** Over the axes of the attribute `axes`. */
  ReduceMax: { domain: "", infer: shapes.reduced },
  ReduceMean: { domain: "", infer: shapes.reduced },
  ReduceSum: { domain: "", infer: shapes.reduced },
  /** Over all axes but the last, not kept. */
  ReduceSumSquare: { domain: "", infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape.slice(-1) }] },
  Reshape: { domain: "", infer: ([x, shape]) => [{ dtype: x!.dtype, shape: shapes.reshaped(x!, shape!.contents!) }] },
  Shape: { domain: "", infer: shapes.shapeOf },
  Relu: unary(""),
  RotaryEmbedding: { domain: "com.microsoft", infer: same },
  Scan: { domain: "", infer: scanned },
  ScatterElements: { domain: "", infer: same },
  ScatterND: { domain: "", infer: same },
  SimplifiedLayerNormalization: lastAxisNorm,
  Sigmoid: unary(""),
  Slice: { domain: "", infer: shapes.slice },
  Softmax: unary(""),
  Softplus: unary(""),
  Split: { domain: "", infer: shapes.split },
  Sqrt: unary(""),
  Squeeze: { domain: "", infer: shapes.squeeze },
  Sub: elementwise,
  Tanh: unary(""),
  Transpose: { domain: "", infer: shapes.transpose },
  /** Zeroes below (upper: 1) or above a diagonal of the last two axes. */
  Trilu: unary(""),
  Unsqueeze: { domain: "", infer: shapes.unsqueeze },
  /** condition, then, else */
  Where: {
    domain: "",
    infer: ([condition, x, y]) => [
      { dtype: x!.dtype, shape: broadcast(condition!, { ...x!, shape: broadcast(x!, y!) }) },
    ],
  },
} as const satisfies Readonly<Record<string, OpDefinition>>;

export type OpType = keyof typeof ops;
