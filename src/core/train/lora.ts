/**
 * Low-rank updates: y = W·x becomes W·x + scale · B·(A·x) with the small matrices as inputs, so that gradients need no product as
 * large as W. [Hu et al. 2021; peft's lora_A and lora_B]
 */
import { nearestHint, nearestNames, OcellusError } from "../base/index.js";
import { type Graph, type Initializer, type Node, nodeOf, type Value } from "../graph/index.js";

export interface LowRank {
  readonly rank: number;
  /** alpha / rank */
  readonly scale: number;
}

/** Names of the inputs, by the weight that they update: A [rank, columns], B [rows, rank]. */
export const loraNames = (weight: string) => ({ a: `${weight}.lora_A`, b: `${weight}.lora_B` });

/** @param graph of `trainingForm`; @param targets by the name of the matrix. @throws `invalid_request` for one that it does not multiply with */
export function withLora(graph: Graph, targets: ReadonlyMap<string, LowRank>): Graph {
  const matrices = new Map(graph.initializers.map((each) => [each.value.name, each]));
  const found = new Map<string, readonly [Value, Value]>();
  const nodes = graph.nodes.flatMap((node) => {
    const [x, matrix] = node.inputs;
    const target = node.op === "FusedMatMul" && matrix ? targets.get(matrix.name) : undefined;
    if (!target) return [node];
    const pair = pairOf(matrices.get(matrix!.name)!, target);
    found.set(matrix!.name, pair);
    return updated(node, x!, pair, target);
  });
  for (const name of targets.keys()) if (!found.has(name)) throw noMatrix(graph, name);
  return { ...graph, nodes, inputs: [...graph.inputs, ...[...found.values()].flat()] };
}

function noMatrix(graph: Graph, name: string): OcellusError {
  const names = graph.initializers.flatMap(({ value, source }) => ("tensors" in source ? [value.name] : []));
  const message = `graph ${graph.name} multiplies with no matrix ${name}${nearestHint(name, names)}`;
  return new OcellusError("invalid_request", message, {
    details: { graph: graph.name, name, nearest: nearestNames(name, names) },
  });
}

function pairOf({ value }: Initializer, { rank }: LowRank): readonly [Value, Value] {
  const [rows, columns] = value.shape;
  const { a, b } = loraNames(value.name);
  return [
    { name: a, dtype: "f32", shape: [rank, columns!] },
    { name: b, dtype: "f32", shape: [rows!, rank] },
  ];
}

function updated(node: Node, x: Value, [a, b]: readonly [Value, Value], { rank, scale }: LowRank): Node[] {
  const [output] = node.outputs as readonly [Value];
  const made = (suffix: string, columns = output.shape.at(-1)!): Value => {
    return { ...output, name: `${node.name}.${suffix}`, shape: [...output.shape.slice(0, -1), columns] };
  };
  const [base, low, more] = [made("base"), made("low", rank), made("more")];
  return [
    { ...node, name: base.name, outputs: [base] },
    nodeOf("FusedMatMul", low.name, [x, a], [low], { transB: 1 }),
    nodeOf("FusedMatMul", more.name, [low, b], [more], { transB: 1, alpha: { float: scale } }),
    nodeOf("Add", node.name, [base, more], [output]),
  ];
}
