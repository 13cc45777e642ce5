/**
 * Gradients of the gated delta net's operators: a causal convolution of each channel, and a memory that each token fades and
 * writes to. The memory is walked through twice by a Scan, once forwards for its states and once back.
 *
 *   M′ = α·M;  e = v - k·M′;  M = M′ + kᵀ·(β·e);  o = q·M / √dk          k, q [1, dk], v [1, dv], M [dk, dv]
 *
 * [onnxruntime contrib ops, CausalConvWithState and LinearAttention; Yang et al. 2024]
 */
import { OcellusError } from "../base/index.js";
import { GraphBuilder, type Scope, type Subgraph, toEnd, type Value } from "../graph/index.js";
import { complement, lastSize, once, shapeOf, sumOver } from "./emit.js";
import { type Rule, unwritten } from "./rule.js";

// ------------------------------------------------------------------------------------------------- convolution

/** x [B, C, S], kernel [C, 1, size]: y = silu(c), c_t = Σ_j kernel_j · x_(t - size + 1 + j) */
const causalConvolution: Rule = ({ scope, inputs: [x, kernel], grad }) => {
  const size = lastSize(kernel!);
  const taps = Array.from({ length: size }, (_, j) => j);
  const cut = (padded: Value, j: number) => {
    const end = j + 1 - size;
    return scope.op("Slice", [padded, scope.int64([j]), scope.int64([end === 0 ? toEnd : end]), scope.int64([2])]);
  };
  const padded = (value: Value, before: number, after: number) =>
    scope.op("Pad", [value, scope.int64([0, 0, before, 0, 0, after])]);
  const columns = once(() => scope.ops("Split", [kernel!, scope.int64(taps.map(() => 1))], { axis: 2 }));
  const seen = once(() => padded(x!, size - 1, 0));
  const factor = (j: number) => scope.reshape(columns()[j]!, [-1, 1]);
  const total = (parts: readonly Value[]) => parts.reduce((sum, part) => scope.op("Add", [sum, part]));
  const back = once(() => {
    const sum = total(taps.map((j) => scope.op("Mul", [cut(seen(), j), factor(j)])));
    const sigmoid = scope.op("Sigmoid", [sum]);
    const slope = scope.op("Add", [scope.op("Mul", [sum, complement(scope, sigmoid)]), scope.float32(1)]);
    return scope.op("Mul", [grad, scope.op("Mul", [sigmoid, slope])]);
  });
  return [
    () => {
      const later = padded(back(), 0, size - 1);
      return total(taps.map((j) => scope.op("Mul", [cut(later, size - 1 - j), factor(j)])));
    },
    () => {
      const sums = taps.map((j) => sumOver(scope, scope.op("Mul", [back(), cut(seen(), j)]), [0, 2]));
      return scope.op("Transpose", [scope.op("Concat", sums, { axis: 2 })], { perm: [1, 0, 2] });
    },
  ];
};

// ------------------------------------------------------------------------------------------------------ memory

interface Net {
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

const linearAttention: Rule = ({ scope, node, inputs, attributes, grad }) => {
  if (attributes.update_rule !== "gated_delta" || inputs[3])
    throw unwritten(node, "but of gated_delta from an empty memory");
  const [q, k, v, , decay, beta] = inputs as Value[];
  const [keyHeads, valueHeads] = [attributes.q_num_heads as number, attributes.kv_num_heads as number];
  const net = { keyHeads, valueHeads, keyDim: lastSize(q!) / keyHeads, valueDim: lastSize(v!) / valueHeads };
  const scale = scope.float32(1 / Math.sqrt(net.keyDim));
  const all = once(() => {
    const rows = {
      q: steps(scope, scope.op("Mul", [q!, scale]), keyHeads, valueHeads),
      k: steps(scope, k!, keyHeads, valueHeads),
      v: steps(scope, v!, valueHeads, valueHeads),
      fade: steps(scope, scope.op("Exp", [decay!]), valueHeads, valueHeads),
      beta: steps(scope, beta!, valueHeads, valueHeads),
    };
    const batch = shapeOf(scope, q!, 0, 1);
    const size = scope.int64([valueHeads, net.keyDim, net.valueDim]);
    const empty = scope.op("Expand", [scope.float32(0), scope.op("Concat", [batch, size], { axis: 0 })]);
    const [, memories] = scope.ops("Scan", [empty, rows.k, rows.v, rows.fade, rows.beta], {
      ...{ num_scan_inputs: 4, body: forwards(empty, net) },
    });
    const back = steps(scope, grad, valueHeads, valueHeads);
    const [, ...grads] = scope.ops("Scan", [empty, ...Object.values(rows), memories, back], {
      ...{ num_scan_inputs: 7, body: backwards(empty, net) },
      ...{ scan_input_directions: new Array<number>(7).fill(1), scan_output_directions: new Array<number>(5).fill(1) },
    });
    return grads;
  });
  const of = (n: number, heads: number) => unstepped(scope, all()[n]!, heads);
  return [
    () => scope.op("Mul", [of(0, keyHeads), scale]),
    () => of(1, keyHeads),
    () => of(2, valueHeads),
    undefined,
    () => {
      const sum = scope.op("Mul", [of(3, valueHeads), scope.float32(net.keyDim * net.valueDim)]);
      return scope.op("Mul", [sum, scope.op("Exp", [decay!])]);
    },
    () => of(4, valueHeads),
  ];
};

/** [B, S, heads·d] → [S, B, readers, 1, d], each head once for every one of its readers */
function steps(scope: Scope, x: Value, heads: number, readers: number): Value {
  const d = lastSize(x) / heads;
  const split = scope.reshape(x, [0, 0, heads, 1, d]);
  const shared = heads === readers ? split : scope.op("Expand", [split, scope.int64([1, 1, 1, readers / heads, 1])]);
  return scope.op("Transpose", [scope.reshape(shared, [0, 0, readers, 1, d])], { perm: [1, 0, 2, 3, 4] });
}

/** And back: what readers of one head give is summed. */
function unstepped(scope: Scope, x: Value, heads: number): Value {
  const [readers, d] = [x.shape[2] as number, lastSize(x)];
  const turned = scope.op("Transpose", [x], { perm: [1, 0, 2, 3, 4] });
  const split = scope.reshape(turned, [0, 0, heads, readers / heads, d]);
  return scope.reshape(heads === readers ? split : sumOver(scope, split, [3]), [0, 0, heads * d]);
}

/** The body of a Scan: `build` gives its outputs. */
function body(name: string, build: (builder: GraphBuilder) => readonly Value[]): Subgraph {
  const noWeights = () => {
    throw new OcellusError("internal", `internal: the step ${name} has no weights`);
  };
  const builder = new GraphBuilder(name, { expect: noWeights, format: noWeights });
  for (const [i, value] of build(builder).entries()) builder.output(`${name}.out.${i}`, value);
  const { initializers: _, ...graph } = builder.build();
  return graph;
}

/** One step's inputs of the body, by name. */
function rowsOf(builder: GraphBuilder, memory: Value, { valueHeads, keyDim, valueDim }: Net) {
  const row = (name: string, d: number) => builder.input(name, "f32", [memory.shape[0]!, valueHeads, 1, d]);
  return { key: (name: string) => row(name, keyDim), value: (name: string) => row(name, valueDim), one: (name: string) => row(name, 1) }; // biome-ignore format: one thought
}

/** Faded memory, what a key does not find in it, and the memory with that written. */
function written(
  scope: Scope,
  memory: Value,
  { k, v, fade, beta }: Readonly<Record<"k" | "v" | "fade" | "beta", Value>>,
) {
  const faded = scope.op("Mul", [memory, fade]);
  const missing = scope.op("Sub", [v, scope.op("FusedMatMul", [k, faded])]);
  const change = scope.op("Mul", [missing, beta]);
  const next = scope.op("Add", [faded, scope.op("FusedMatMul", [k, change], { transA: 1 })]);
  return { faded, missing, change, next };
}

/** memory, k, v, fade, beta → the next memory; the memory as it was */
function forwards(empty: Value, net: Net): Subgraph {
  return body("write", (builder) => {
    const memory = builder.input("memory", "f32", empty.shape);
    const { key, value, one } = rowsOf(builder, empty, net);
    const rows = { k: key("k"), v: value("v"), fade: one("fade"), beta: one("beta") };
    return [written(builder.root, memory, rows).next, builder.root.op("Identity", [memory])];
  });
}

/** The gradient of the memory behind a step, its rows, the memory before it, and the gradient of what was read → the same before it; of q, k, v, fade (its mean), beta */
function backwards(empty: Value, net: Net): Subgraph {
  return body("unwrite", (builder) => {
    const { root } = builder;
    const later = builder.input("later", "f32", empty.shape);
    const { key, value, one } = rowsOf(builder, empty, net);
    const q = key("q");
    const rows = { k: key("k"), v: value("v"), fade: one("fade"), beta: one("beta") };
    const memory = builder.input("memory", "f32", empty.shape);
    const read = value("read");
    const { faded, missing, change, next } = written(root, memory, rows);
    const ofNext = root.op("Add", [later, root.op("FusedMatMul", [q, read], { transA: 1 })]);
    const ofChange = root.op("FusedMatMul", [rows.k, ofNext]);
    const ofMissing = root.op("Mul", [ofChange, rows.beta]);
    const ofFaded = root.op("Sub", [ofNext, root.op("FusedMatMul", [rows.k, ofMissing], { transA: 1 })]);
    const ofKey = root.op("Sub", [
      root.op("FusedMatMul", [change, ofNext], { transB: 1 }),
      root.op("FusedMatMul", [ofMissing, faded], { transB: 1 }),
    ]);
    return [
      root.op("Mul", [ofFaded, rows.fade]),
      root.op("FusedMatMul", [read, next], { transB: 1 }),
      ofKey,
      root.op("Identity", [ofMissing]),
      root.op("ReduceMean", [root.op("Mul", [ofFaded, memory])], { axes: [2, 3], keepdims: 1 }), // a sum's axes would be a constant
      root.op("FusedMatMul", [ofChange, missing], { transB: 1 }),
    ];
  });
}

export const recurrent = {
  CausalConvWithState: causalConvolution,
  LinearAttention: linearAttention,
} satisfies Record<string, Rule>;
