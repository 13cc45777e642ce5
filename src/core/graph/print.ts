/** A graph as stable text: for eyes, for diffs and for golden tests. One node a line, in order of execution. */
import { formatShape, type WeightFormat } from "../tensor/index.js";
import type { Attributes, Graph, Node, Value } from "./value.js";

/** Inputs, weights, nodes and outputs; equal graphs print equal text. */
export function printGraph(graph: Graph): string {
  const weights = graph.initializers.flatMap(({ value, source }) =>
    "tensors" in source ? [`  ${typed(value)}${printSource(value, source.tensors, source.format)}`] : [],
  );
  return [
    `graph ${graph.name}`,
    ...section(
      "inputs",
      graph.inputs.map((v) => `  ${typed(v)}`),
    ),
    ...section("weights", weights),
    ...section("nodes", graph.nodes.map(printNode)),
    ...section(
      "outputs",
      graph.outputs.map((v) => `  ${typed(v)}`),
    ),
    "",
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}

function typed(value: Value): string {
  return `${value.name}: ${value.dtype}${formatShape(value.shape)}`;
}

function printSource(value: Value, tensors: readonly string[], format: WeightFormat): string {
  if (tensors.length === 1 && tensors[0] === value.name) return "";
  const block = "blockSize" in format ? ` block ${format.blockSize}` : "";
  return ` = ${format.kind}${block} of ${tensors.join(" + ")}`;
}

function printNode(node: Node): string {
  const inputs = node.inputs.map((v) => v?.name ?? "-").join(", ");
  const results = node.outputs.map((v) => `${v.dtype}${formatShape(v.shape)}`).join(", ");
  const renamed = node.outputs.some((v, i) => v.name !== (node.outputs.length === 1 ? node.name : `${node.name}.${i}`));
  const names = renamed ? ` as ${node.outputs.map((v) => v.name).join(", ")}` : "";
  return `  ${node.name}(${inputs})${printAttributes(node.attributes)} -> ${results}${names}`;
}

function printAttributes(attributes: Attributes): string {
  const parts = Object.entries(attributes).map(([name, value]) => {
    const plain = typeof value === "object" && "float" in value ? value.float : value;
    return `${name}=${JSON.stringify(plain)}`;
  });
  return parts.length === 0 ? "" : ` {${parts.join(", ")}}`;
}
