/**
 * A decoder's graph that also shows what each of its tokens looks at: of every GroupQueryAttention the probabilities, which ONNX
 * Runtime's CPU kernel gives as a fourth output where `qk_output` is 2 [onnxruntime contrib ops, GroupQueryAttention]. All layers and
 * heads stand in one output, [batch, layers · heads, sequence, longest].
 */
import { invariant } from "../base/index.js";
import type { Graph, Node, Value } from "./value.js";

/** The output's name. */
export const tokenAttention = "token_attention";

/** Of steps of one sequence. The graph, and how many layers and heads its output has. */
export function withTokenAttention(graph: Graph): {
  readonly graph: Graph;
  readonly numLayers: number;
  readonly numHeads: number;
} {
  const shown: Value[] = [];
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "GroupQueryAttention") return node;
    const [query] = node.inputs as readonly [Value];
    const [batch, sequence] = query.shape;
    const heads = node.attributes.num_heads as number;
    const probabilities: Value = {
      name: `${node.name}.probabilities`,
      dtype: "f32",
      shape: [batch!, heads, sequence!, "longest"],
    };
    shown.push(probabilities);
    return { ...node, outputs: [...node.outputs, probabilities], attributes: { ...node.attributes, qk_output: 2 } };
  });
  const [first] = shown;
  invariant(first, `graph ${graph.name} has no attention over a cache`, { graph: graph.name });
  const [batch, numHeads, sequence, longest] = first.shape as [Value["shape"][0], number, Value["shape"][0], string];
  const all: Value = {
    name: tokenAttention,
    dtype: "f32",
    shape: [batch, shown.length * numHeads, sequence, longest],
  };
  const joined: Node = {
    name: `${tokenAttention}.Concat`,
    op: "Concat",
    inputs: shown,
    outputs: [all],
    attributes: { axis: 1 },
  };
  return {
    graph: { ...graph, nodes: [...nodes, joined], outputs: [...graph.outputs, all] },
    numLayers: shown.length,
    numHeads,
  };
}
