/**
 * A graph whose int8 products each have an int4 twin, and inputs that say which of the two counts:
 *
 *   x ─┬─ int8 product ─ · use.int8.N ─┐
 *      └─ int4 product ─ · use.int4.N ─ + ─→
 *
 * so that one session measures what four bits in any one matrix would do. Σ x² of each product's input is an output.
 */
import type { Graph, Initializer, Node, Value } from "../core/graph/index.js";
import type { WeightFormat } from "../core/tensor/index.js";

const twinFormat = { kind: "int4", blockSize: 32 } as const satisfies WeightFormat;

/** One product of a graph, by the first of the checkpoint's tensors in it. */
interface Product {
  readonly tensor: string;
  readonly node: Node;
  readonly values: Initializer;
}

/** `tensor` of each product, in the order of the graph: the N of its inputs and outputs. */
export function productsOf(graph: Graph): Product[] {
  const matrices = new Map(graph.initializers.map((initializer) => [initializer.value.name, initializer]));
  return graph.nodes.flatMap((node) => {
    const values = node.op === "MatMulNBits" ? matrices.get(node.inputs[1]!.name) : undefined;
    return values && "tensors" in values.source ? [{ tensor: values.source.tensors[0]!, node, values }] : [];
  });
}

export const switchNames = (n: number) => ({ int8: `use.int8.${n}`, int4: `use.int4.${n}` });
export const energyName = (n: number) => `energy.${n}`;

export function withTwins(graph: Graph): Graph {
  const products = productsOf(graph);
  const twins = new Map(products.map(({ node, values }, n) => [node, twin(node, values, n)]));
  const all = [...twins.values()];
  return {
    ...graph,
    inputs: [...graph.inputs, ...all.flatMap(({ inputs }) => inputs)],
    outputs: [...graph.outputs, ...all.map(({ energy }) => energy)],
    nodes: graph.nodes.flatMap((node) => twins.get(node)?.nodes ?? [node]),
    initializers: [...graph.initializers, ...all.flatMap(({ initializers }) => initializers)],
  };
}

function twin(node: Node, { source }: Initializer, n: number) {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const { int8, int4 } = switchNames(n);
  const inputs = [int8, int4].map((name): Value => ({ name, dtype: "f32", shape: [1] }));
  const value = (suffix: string): Value => ({ ...y, name: `${y.name}.${suffix}` });
  const made = (op: string, output: Value, from: readonly Value[], attributes: Node["attributes"] = {}): Node => ({
    ...{ name: output.name, op, inputs: from, outputs: [output], attributes },
  });
  const initializers = twinInitializers(node, source);
  const product = { bits: 4, block_size: twinFormat.blockSize };
  const energy: Value = { name: energyName(n), dtype: "f32", shape: x.shape.slice(-1) };
  const axes = x.shape.slice(1).map((_, axis) => axis);
  const nodes = [
    { ...node, outputs: [value("int8")] },
    made("MatMulNBits", value("int4"), [x, ...initializers.map((i) => i.value)], { ...node.attributes, ...product }),
    made("Mul", value("int8.used"), [value("int8"), inputs[0]!]),
    made("Mul", value("int4.used"), [value("int4"), inputs[1]!]),
    { ...made("Add", y, [value("int8.used"), value("int4.used")]), name: `${node.name}.either` },
    made("ReduceSumSquare", energy, [x], { axes, keepdims: 0 }),
  ];
  return { inputs, initializers, energy, nodes };
}

function twinInitializers({ name, attributes }: Node, source: Initializer["source"]): Initializer[] {
  const [rows, columns, { blockSize }] = [attributes.N as number, attributes.K as number, twinFormat];
  const blocks = Math.ceil(columns / blockSize);
  const { tensors } = source as Extract<Initializer["source"], { tensors: unknown }>;
  const part = (suffix: "values" | "scales", dtype: "u8" | "f32", shape: number[]): Initializer => ({
    value: { name: `${name}.twin.${suffix}`, dtype, shape },
    source: { tensors, format: twinFormat, part: suffix },
  });
  return [part("values", "u8", [rows, blocks, blockSize / 2]), part("scales", "f32", [rows, blocks])];
}
