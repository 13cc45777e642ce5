/**
 * A family's graph as training needs it: whole sequences from their first token, without a cache, and each matrix by itself under
 * its name in the checkpoint.
 *
 *   GroupQueryAttention over a past → keys and values of few heads repeated ─ MultiHeadAttention, causal
 *   CausalConvWithState, LinearAttention → the same from empty states
 *   one product of stacked matrices, split → a product each
 *
 * Sequences of a batch are filled up behind: no token sees what follows it, and the loss gives rows of padding no weight.
 */
import { invariant, OcellusError } from "../base/index.js";
import { between, type Graph, type Initializer, type Node, nodeOf, type Value } from "../graph/index.js";
import { unwritten } from "./rule.js";

/** Outputs that are for a cache. */
const isState = ({ name }: Value) => /^(?:present|added|next_state)\./.test(name);

/** @param graph with float32 weights. @throws `unsupported` for other formats, and for attention that no family has */
export function trainingForm(graph: Graph): Graph {
  for (const { value, source } of graph.initializers)
    if ("format" in source && source.format.kind !== "f32")
      throw new OcellusError(
        "unsupported",
        `${value.name} is ${source.format.kind}: only float32 weights are trained`,
        {
          details: { weight: value.name, format: source.format.kind },
        },
      );
  const initializers = new Map(graph.initializers.map((each) => [each.value.name, each]));
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ name }) => [name, node] as const)));
  const nodes = graph.nodes.flatMap((node) => rewritten(node, initializers, makers));
  const outputs = graph.outputs.filter((output) => !isState(output));
  return between({ ...graph, nodes, initializers: [...initializers.values()] }, [], outputs);
}

function rewritten(node: Node, initializers: Map<string, Initializer>, makers: ReadonlyMap<string, Node>): Node[] {
  switch (node.op) {
    case "GroupQueryAttention":
      return withoutPast(node, initializers);
    case "CausalConvWithState":
    case "LinearAttention":
      return [{ ...node, inputs: node.inputs.map((input, i) => (i === 3 ? undefined : input)) }];
    case "Split":
      return unstacked(node, initializers, makers.get(node.inputs[0]!.name)) ?? [node];
    default:
      return [node];
  }
}

/** A product of stacked matrices whose rows are split again. */
function unstacked(split: Node, initializers: Map<string, Initializer>, product: Node | undefined): Node[] | undefined {
  const stacked = product?.op === "FusedMatMul" ? initializers.get(product.inputs[1]!.name) : undefined;
  if (!product || !stacked || !("tensors" in stacked.source) || stacked.source.tensors.length === 1) return undefined;
  const { tensors, ...source } = stacked.source;
  const [x, matrix] = product.inputs as readonly [Value, Value];
  invariant(tensors.length === split.outputs.length, `${split.name} does not split ${matrix.name} by its tensors`);
  return split.outputs.map((output, i) => {
    const value: Value = { ...matrix, name: tensors[i]!, shape: [output.shape.at(-1)!, matrix.shape[1]!] };
    initializers.set(value.name, { value, source: { ...source, tensors: [value.name] } });
    return nodeOf("FusedMatMul", `${split.name}.${i}`, [x, value], [output], product.attributes);
  });
}

const known = new Set(["num_heads", "kv_num_heads"]);
/** q, k, v, both pasts and both lengths; further ones are angles, a bias or sinks. */
const numKnownInputs = 7;

/** Query head j reads head ⌊j / (heads / kv_heads)⌋ of keys and values. */
function withoutPast(node: Node, initializers: Map<string, Initializer>): Node[] {
  if (Object.keys(node.attributes).some((name) => !known.has(name)) || node.inputs.slice(numKnownInputs).some(Boolean))
    throw unwritten(node, "but without a window, a scale or angles of its own");
  const [q, k, v] = node.inputs as readonly Value[];
  const [heads, kvHeads] = [node.attributes.num_heads as number, node.attributes.kv_num_heads as number];
  const attributes = { num_heads: heads, unidirectional: 1 };
  const attend = (keys: Value, values: Value) =>
    nodeOf("MultiHeadAttention", node.name, [q, keys, values], [node.outputs[0]!], attributes);
  if (heads === kvHeads) return [attend(k!, v!)];
  const list = (contents: readonly number[]): Value => {
    const name = `i64(${contents.join(",")})`;
    const value: Value = { name, dtype: "i64", shape: [contents.length], contents };
    initializers.set(name, { value, source: { bytes: new Uint8Array(BigInt64Array.from(contents, BigInt).buffer) } });
    return value;
  };
  const headDim = (q!.shape.at(-1) as number) / heads;
  const repeated = (x: Value, what: string): Node[] => {
    const made = (step: string, shape: Value["shape"]): Value => ({
      ...x,
      name: `${node.name}.${what}.${step}`,
      shape,
    });
    const before = x.shape.slice(0, 2);
    const split = made("split", [...before, kvHeads, 1, headDim]);
    const each = made("each", [...before, kvHeads, heads / kvHeads, headDim]);
    const all = made("all", [...before, heads * headDim]);
    return [
      nodeOf("Reshape", split.name, [x, list([0, 0, kvHeads, 1, headDim])], [split]),
      nodeOf("Expand", each.name, [split, list([1, 1, 1, heads / kvHeads, 1])], [each]),
      nodeOf("Reshape", all.name, [each, list([0, 0, heads * headDim])], [all]),
    ];
  };
  const [keys, values] = [repeated(k!, "keys"), repeated(v!, "values")];
  return [...keys, ...values, attend(keys[2]!.outputs[0]!, values[2]!.outputs[0]!)];
}
