/**
 * Each operator's gradient against central differences, on small shapes with named sizes: for a direction d the gradient times d is
 * what the outputs, weighted at random, change by. Differences at two widths cancel the cubic term, so that what is left is the
 * rounding of float32: 2e-3 of the largest product is above it, and far below what any wrong formula gives.
 */
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import {
  type Attributes,
  type Graph,
  type GraphBuilder,
  type OpType,
  type Scope,
  toEnd,
  type Value,
} from "../graph/index.js";
import { differentiable, gradientOf, trainingForm, vjp } from "./index.js";
import {
  built,
  dimsOf,
  drawn,
  drawnTensor,
  float32,
  int32,
  int64,
  numbers,
  opened,
  type Sizes,
} from "./run.testkit.js";

const sizes: Sizes = { batch: 2, sequence: 5, rows: 3, windows: 2 };
type Feeds = Record<string, ReturnType<typeof float32>>;

/** Of all float inputs. */
async function expectGradients(graph: Graph, given: Feeds = {}): Promise<void> {
  const next = numbers(graph.nodes.length * 31 + graph.inputs.length);
  const floats = graph.inputs.filter(({ dtype, name }) => dtype === "f32" && !(name in given));
  const feeds: Feeds = { ...given };
  for (const value of floats) feeds[value.name] = drawnTensor(value, sizes, next);
  const forward = await opened(graph);
  const results = await forward.run(feeds);
  const weights = Object.fromEntries(graph.outputs.map(({ name }) => [name, drawn(results[name]!.size, next)]));
  const valueAt = async (changed: Feeds): Promise<number> => {
    const found = await forward.run({ ...feeds, ...changed });
    return graph.outputs.reduce((sum, { name }) => {
      const data = found[name]!.data as Float32Array;
      return data.reduce((total, x, i) => total + x * weights[name]![i]!, sum);
    }, 0);
  };
  const backward = await opened(
    vjp(graph, { of: graph.outputs.map(({ name }) => name), wrt: floats.map(({ name }) => name) }),
  );
  const seeds = graph.outputs.map(({ name }) => [gradientOf(name), float32(weights[name]!, results[name]!.dims)]);
  const gradients = await backward.run({ ...feeds, ...Object.fromEntries(seeds) });
  for (const value of floats) {
    const { name } = value;
    const gradient = gradients[gradientOf(name)]!;
    expect(gradient.dims, `shape of the gradient of ${name}`).toEqual(dimsOf(value, sizes));
    const x = feeds[name]!.data as Float32Array;
    for (let repeat = 0; repeat < 2; repeat++) {
      const direction = drawn(x.length, next);
      const moved = (by: number) => ({
        [name]: float32(
          x.map((from, i) => from + by * direction[i]!),
          feeds[name]!.dims,
        ),
      });
      const difference = async (h: number) => ((await valueAt(moved(h))) - (await valueAt(moved(-h)))) / (2 * h);
      const measured = (4 * (await difference(0.02)) - (await difference(0.04))) / 3;
      const products = (gradient.data as Float32Array).map((g, i) => g * direction[i]!);
      const scale = Math.hypot(...products, 1e-3);
      const sum = products.reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - measured) / scale, `gradient of ${name}: ${sum}, measured ${measured}`).toBeLessThan(2e-3);
    }
  }
  await Promise.all([forward.close(), backward.close()]);
}

const input = (builder: GraphBuilder, name: string, shape: Value["shape"]) => builder.input(name, "f32", shape);

/** y = op(inputs of these shapes) */
function of(op: OpType, shapes: readonly Value["shape"][], attributes: Attributes = {}): Graph {
  return built((builder) => {
    const inputs = shapes.map((shape, i) => input(builder, `x${i}`, shape));
    builder.output("y", builder.root.op(op, inputs, attributes));
  });
}

/** y of x and lists of whole numbers that are known. */
function withLists(shape: Value["shape"], build: (scope: Scope, x: Value) => Value | readonly Value[]): Graph {
  return built((builder) => {
    const made = build(builder.root, input(builder, "x", shape));
    for (const [i, value] of [made].flat().entries()) builder.output(`y${i}`, value);
  });
}

const x = ["batch", "sequence", 6] as const;
const epsilon = { epsilon: { float: 1e-2 } };

const cases: Record<string, Graph | [Graph, Feeds]> = {
  "Add, alike": of("Add", [x, x]),
  "Add, a row to all rows": of("Add", [x, [6]]),
  "Add, both repeated": of("Add", [
    ["batch", 1, 6],
    ["sequence", 1],
  ]),
  "Add, a number": of("Add", [[], x]),
  "Mul, alike": of("Mul", [x, x]),
  "Mul, both repeated": of("Mul", [
    [4, 1, "rows"],
    ["batch", 1, 3, 1],
  ]),
  "Mul, a number": of("Mul", [x, []]),
  Exp: of("Exp", [x]),
  Neg: of("Neg", [x]),
  Sigmoid: of("Sigmoid", [x]),
  Softplus: of("Softplus", [x]),
  Tanh: of("Tanh", [x]),
  Gelu: of("Gelu", [x]),
  FastGelu: of("FastGelu", [x]),
  "QuickGelu of 1.702": of("QuickGelu", [x], { alpha: { float: 1.702 } }),
  "QuickGelu of 1": of("QuickGelu", [x], { alpha: { float: 1 } }),
  Relu: [of("Relu", [[4]]), {}],
  Identity: of("Identity", [x]),
  "FusedMatMul, turned": of("FusedMatMul", [x, [4, 6]], { transB: 1 }),
  "FusedMatMul, not turned, scaled": of(
    "FusedMatMul",
    [
      ["rows", 6],
      [6, 4],
    ],
    { alpha: { float: 0.3 } },
  ),
  "FusedMatMul, of a matrix that is computed": built((builder) => {
    const matrix = builder.root.op("Transpose", [input(builder, "w", [6, 4])], { perm: [1, 0] });
    builder.output("y", builder.root.op("FusedMatMul", [input(builder, "x", x), matrix], { transB: 1 }));
  }),
  Transpose: of("Transpose", [[2, 3, "rows", 4]], { perm: [2, 0, 3, 1] }),
  Reshape: withLists(["rows", 6], (scope, value) => scope.reshape(value, [-1, 3])),
  "Reshape of several named sizes": withLists(x, (scope, value) => scope.reshape(value, [0, 0, 2, 3])),
  Split: withLists(x, (scope, value) => scope.split(value, [1, 3, 2])),
  "Split, a part of it unread": withLists(x, (scope, value) => [scope.split(value, [1, 3, 2])[1]!]),
  "Split of rows": withLists([6, 2], (scope, value) => scope.ops("Split", [value, scope.int64([2, 4])], { axis: 0 })),
  "Concat of named sizes": of(
    "Concat",
    [
      [1, 4],
      ["rows", 4],
      ["batch", 4],
    ],
    { axis: 0 },
  ),
  "Concat of columns": of("Concat", [x, x], { axis: 2 }),
  "Concat of the same": withLists(x, (scope, value) => scope.op("Concat", [value, value], { axis: 1 })),
  "Gather of rows, some twice": withLists([5, 4], (scope, value) =>
    scope.op("Gather", [value, scope.int64([4, 0, 4, 4, 1])]),
  ),
  "Gather of rows in two axes": [
    built((builder) => {
      const places = builder.input("places", "i64", ["windows", 3]);
      builder.output("y", builder.root.op("Gather", [input(builder, "x", ["sequence", 4]), places]));
    }),
    { places: int64([0, 4, 4, 2, 0, 0], [2, 3]) },
  ],
  "Gather within an axis": withLists(["batch", "rows", 3, 4], (scope, value) =>
    scope.op("Gather", [value, scope.int64([0, 0, 1, 2, 2, 2])], { axis: 2 }),
  ),
  "Expand to a shape": withLists([1, 4], (scope, value) => scope.op("Expand", [value, scope.int64([3, 2, 4])])),
  "Expand to where they broadcast": withLists([2, "rows", 1, 4], (scope, value) =>
    scope.op("Expand", [value, scope.int64([5, 1])]),
  ),
  "ReduceMean of rows": of("ReduceMean", [["rows", 4]], { axes: [0], keepdims: 1 }),
  "ReduceMean, not kept": of("ReduceMean", [[2, 3, 4]], { axes: [1, 2], keepdims: 0 }),
  "Slice, the first left out": withLists(["rows", 4], (scope, value) =>
    scope.op("Slice", [value, scope.int64([1]), scope.int64([toEnd]), scope.int64([0])]),
  ),
  "Slice of two axes": withLists(["sequence", 6], (scope, value) =>
    scope.op("Slice", [value, scope.int64([1, 2]), scope.int64([-2, 5]), scope.int64([0, 1])]),
  ),
  "ReduceSum, kept": withLists(x, (scope, value) =>
    scope.op("ReduceSum", [value, scope.int64([0, 2])], { keepdims: 1 }),
  ),
  "ReduceSum, not kept": withLists(x, (scope, value) =>
    scope.op("ReduceSum", [value, scope.int64([1])], { keepdims: 0 }),
  ),
  LayerNormalization: of("LayerNormalization", [x, [6], [6]], { axis: -1, ...epsilon }),
  "SimplifiedLayerNormalization of heads": of("SimplifiedLayerNormalization", [["batch", "sequence", 2, 6], [6]], {
    axis: -1,
    ...epsilon,
  }),
  RotaryEmbedding: rotated(12, 6, {}),
  "RotaryEmbedding of a part of each head": rotated(24, 2, { num_heads: 3, rotary_embedding_dim: 4 }),
  "MultiHeadAttention, all visible": of("MultiHeadAttention", [x, x, x], { num_heads: 2 }),
  "MultiHeadAttention, causal": of("MultiHeadAttention", [x, x, x], { num_heads: 3, unidirectional: 1 }),
  "MultiHeadAttention, few queries": of("MultiHeadAttention", [["batch", "rows", 6], x, x], { num_heads: 2 }),
  "MultiHeadAttention, keys that are padding": [
    built((builder) => {
      const [q, k, v] = ["q", "k", "v"].map((name) => input(builder, name, ["windows", "sequence", 6]));
      const inputs = [q, k, v, undefined, builder.input("lengths", "i32", ["windows"])];
      builder.output("y", builder.root.op("MultiHeadAttention", inputs, { num_heads: 2 }));
    }),
    { lengths: int32([5, 2]) },
  ],
  CausalConvWithState: withoutPast((builder) => {
    const past = input(builder, "past_state.0.0", ["batch", 6, 3]);
    const inputs = [input(builder, "x", ["batch", 6, "sequence"]), input(builder, "w", [6, 1, 4]), undefined, past];
    builder.output("y", builder.root.ops("CausalConvWithState", inputs, { activation: "silu" })[0]!);
  }),
  "LinearAttention, a head for each": linearAttention(2, 2),
  "LinearAttention, heads that share": linearAttention(2, 6),
};

function withoutPast(build: (builder: GraphBuilder) => void): Graph {
  return trainingForm(built(build));
}

function linearAttention(keyHeads: number, valueHeads: number): Graph {
  return withoutPast((builder) => {
    const rows = (name: string, width: number) => input(builder, name, ["batch", "sequence", width]);
    const [q, k, v] = [rows("q", 4 * keyHeads), rows("k", 4 * keyHeads), rows("v", 3 * valueHeads)];
    const decay = builder.root.op("Neg", [builder.root.op("Exp", [rows("decay", valueHeads)])]);
    const past = input(builder, "past_state.0.1", ["batch", valueHeads, 4, 3]);
    const inputs = [q, k, v, past, decay, builder.root.op("Sigmoid", [rows("beta", valueHeads)])];
    const attributes = { q_num_heads: keyHeads, kv_num_heads: valueHeads, update_rule: "gated_delta" };
    builder.output("y", builder.root.ops("LinearAttention", inputs, attributes)[0]!);
  });
}

function rotated(width: number, half: number, attributes: Attributes): [Graph, Feeds] {
  const graph = built((builder) => {
    const positions = builder.input("positions", "i64", ["batch", "sequence"]);
    const [cos, sin] = ["cos", "sin"].map((name) => input(builder, name, ["tokens", half]));
    const turned = [input(builder, "x", ["batch", "sequence", width]), positions, cos, sin];
    builder.output("y", builder.root.op("RotaryEmbedding", turned, { interleaved: 0, ...attributes }));
  });
  const angles = (of: (angle: number) => number) =>
    float32(
      Float32Array.from({ length: 10 * half }, (_, i) => of(0.3 * i)),
      [10, half],
    );
  const positions = int64([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [2, 5]);
  return [graph, { positions, cos: angles(Math.cos), sin: angles(Math.sin) }];
}

describe("the gradient of", () => {
  it.each(Object.entries(cases))("%s is what finite differences say", async (_, made) => {
    const [graph, given] = Array.isArray(made) ? made : [made, {}];
    await expectGradients(graph, given);
  });

  it("every operator that has a rule is measured here", () => {
    const measured = Object.values(cases).flatMap((made) => (Array.isArray(made) ? made[0] : made).nodes);
    expect([...new Set(measured.map(({ op }) => op))].sort()).toEqual(differentiable);
  });

  it("a value that is read several times is the sum of what comes back", async () => {
    await expectGradients(
      built((builder) => {
        const value = input(builder, "x", x);
        const { root } = builder;
        const squared = root.op("Mul", [value, value]);
        builder.output("y", root.op("Add", [squared, root.op("Exp", [value])]));
        builder.output("z", root.op("Sigmoid", [squared]));
      }),
    );
  });
});

describe("vjp", () => {
  const chain = built((builder) => {
    const { root } = builder;
    const hidden = root.op("FusedMatMul", [input(builder, "x", ["rows", 6]), root.weight("w", [4, 6])], { transB: 1 });
    builder.output("y", root.op("Add", [root.op("Exp", [hidden]), root.weight("b", [4])]));
  });

  it("has the weights that it is asked of as inputs, and leaves out what it does not need", () => {
    const graph = vjp(chain, { of: ["y"], wrt: ["b"] });
    expect(graph.inputs.map(({ name }) => name)).toEqual(["grad:y"]);
    expect(graph.outputs).toEqual([{ name: "grad:b", dtype: "f32", shape: [4] }]);
    expect(graph.initializers.map(({ value }) => value.name)).toEqual(["i64(0)"]);
    const deeper = vjp(chain, { of: ["y"], wrt: ["w", "x"], keep: ["y"] });
    expect(deeper.inputs.map(({ name }) => name).sort()).toEqual(["grad:y", "w", "x"]);
    expect(deeper.outputs.map(({ name }) => name)).toEqual(["grad:w", "grad:x", "y"]);
  });

  it("refuses an operator without a gradient, by name and node, but only on the way", () => {
    const graph = built((builder) => {
      const scope = builder.root.at("head");
      builder.output("y", scope.op("Mul", [scope.op("Abs", [input(builder, "x", [4])]), input(builder, "w", [4])]));
    });
    expect(() => vjp(graph, { of: ["y"], wrt: ["x"] })).toThrow(
      ocellusError("unsupported", { op: "Abs", node: "head.Abs", supported: differentiable }),
    );
    expect(vjp(graph, { of: ["y"], wrt: ["w"] }).outputs.map(({ name }) => name)).toEqual(["grad:w"]);
  });

  it("refuses names that it does not know, and those that nothing depends on", () => {
    expect(() => vjp(chain, { of: ["y"], wrt: ["v"] })).toThrow(ocellusError("invalid_request", { name: "v" }));
    expect(() => vjp(chain, { of: ["nowhere"], wrt: ["w"] })).toThrow(ocellusError("internal", {}));
    const apart = built((builder) => {
      builder.output("y", builder.root.op("Exp", [input(builder, "x", [4])]));
      builder.output("z", builder.root.op("Exp", [input(builder, "w", [4])]));
    });
    expect(() => vjp(apart, { of: ["y"], wrt: ["w"] })).toThrow(ocellusError("invalid_request", { name: "w" }));
  });
});
