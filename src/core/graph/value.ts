/**
 * What a graph is made of: values with known dtype and shape, nodes, and initializers that say where their bytes will
 * come from. Free of ONNX: `onnx.ts` turns this into a model file, `print.ts` into text.
 */
import { invariant, nearestHint } from "../base/index.js";
import type { DType, WeightFormat } from "../tensor/index.js";

/** A number, or the name of a size known only at run time, such as "sequence_length". */
export type Dim = number | string;

export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  /** What a small i64 value holds, where that is known while building: Reshape, Expand and Split read it. */
  readonly contents?: readonly Dim[];
}

export type AttributeValue = number | string | readonly number[] | FloatAttribute | Subgraph;
/** Whole numbers are written as INT, others as FLOAT, lists as INTS: `floatAttribute` forces FLOAT for 1.0 and 0.0. */
export type Attributes = Readonly<Record<string, AttributeValue>>;
export interface FloatAttribute {
  readonly float: number;
}

/** The body of an If or a Loop; it reads the values of the graph around it by their names. */
export type Subgraph = Omit<Graph, "initializers">;

export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export function nodeOf(
  op: string,
  name: string,
  inputs: Node["inputs"],
  outputs: Node["outputs"],
  attributes: Attributes = {},
): Node {
  return { name, op, inputs, outputs, attributes };
}

/** What is stored of a matrix: its numbers or codes, and what turns codes into numbers. */
export type WeightPart = "values" | "scales" | "zero_points" | "nested_scales" | "nested_table" | "offset";

/** Checkpoint tensors, concatenated along their first axis, and what is to be stored of them. */
export interface WeightSource {
  readonly tensors: readonly string[];
  readonly format: WeightFormat;
  readonly part: WeightPart;
}

export interface Initializer {
  readonly value: Value;
  readonly source: WeightSource | { readonly bytes: Uint8Array };
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
}

/** The same graph with further values made visible as outputs, by the name of the node that makes them. */
export function withOutputs(graph: Graph, names: readonly string[]): Graph {
  const values = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value.name, value])));
  const added = names.map((name) => {
    const value = values.get(name);
    invariant(value, `graph ${graph.name} has no value ${name}${nearestHint(name, values.keys())}`);
    return value;
  });
  return { ...graph, outputs: [...graph.outputs, ...added] };
}

/** The same graph, but values whose name begins with `prefix` stay inside: their memory is free again once they are read. */
export function withoutOutputs(graph: Graph, prefix: string): Graph {
  return { ...graph, outputs: graph.outputs.filter(({ name }) => !name.startsWith(prefix)) };
}

/** The same graph without the nodes that no output needs, and the weights that only those read. Its inputs stay. */
export function pruned(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some(({ name }) => needed.has(name))) return false;
    for (const input of inputs) if (input) needed.add(input.name);
    return true;
  });
  return {
    ...graph,
    nodes: nodes.reverse(),
    initializers: graph.initializers.filter(({ value }) => needed.has(value.name)),
  };
}

/** An output that a node has and no one asked for. */
const unwanted: Value = { name: "", dtype: "f32", shape: [] };

/**
 * The same graph that also shows what its attentions weigh their values by: for each named MultiHeadAttention the output
 * `<name>.probabilities`, softmax(q·kᵀ/√head_dim) over the keys, [batch, heads, queries, keys]. The scaled products are the
 * node's own fourth output, which only ONNX Runtime's CPU kernel has; they become an output too, since it takes their type
 * from there and infers none.
 */
export function withAttention(graph: Graph, names: readonly string[]): Graph {
  const outputs: Value[] = [];
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.op !== "MultiHeadAttention" || !names.includes(node.name)) return [node];
    const [q, k] = node.inputs as readonly [Value, Value];
    const shape = [q.shape[0]!, node.attributes.num_heads as number, q.shape[1]!, k.shape[1]!];
    const products: Value = { name: `${node.name}.products`, dtype: "f32", shape };
    const probabilities: Value = { name: `${node.name}.probabilities`, dtype: "f32", shape };
    outputs.push(products, probabilities);
    return [
      { ...node, outputs: [...node.outputs, unwanted, unwanted, products] },
      { name: `${node.name}.Softmax`, op: "Softmax", inputs: [products], outputs: [probabilities], attributes: { axis: -1 } }, // biome-ignore format: one thought
    ];
  });
  const missing = names.filter((name) => !outputs.some((output) => output.name === `${name}.probabilities`));
  invariant(missing.length === 0, `graph ${graph.name} has no attention ${missing.join(", ")}`, {
    graph: graph.name,
    missing,
  });
  return { ...graph, nodes, outputs: [...graph.outputs, ...outputs] };
}

/** The same graph with its weights among its inputs, or those that are named: without names a file that needs no other beside it. */
export function withWeightsAsInputs(graph: Graph, names?: readonly string[]): Graph {
  const isGiven = ({ value, source }: Initializer) => (names ? names.includes(value.name) : !("bytes" in source));
  const given = graph.initializers.filter(isGiven).map(({ value }) => value);
  const initializers = graph.initializers.filter((each) => !isGiven(each));
  return { ...graph, inputs: [...graph.inputs, ...given], initializers };
}
