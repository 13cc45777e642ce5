/** Faults put into a graph that was built, so that a test can show that it would notice them. */
import { expect } from "vitest";
import type { Graph, Node, Value } from "../../src/core/graph/index.js";

export type Change = (graph: Graph) => Graph;

/** The nodes of that name, of which there are so many. */
function named(graph: Graph, name: RegExp, count: number): readonly Node[] {
  const found = graph.nodes.filter((node) => name.test(node.name));
  expect(
    found.map((node) => node.name),
    `nodes of ${name}`,
  ).toHaveLength(count);
  return found;
}

export const changing =
  (name: RegExp, count: number, change: (node: Node) => Node): Change =>
  (graph) => {
    const chosen = named(graph, name, count);
    return { ...graph, nodes: graph.nodes.map((node) => (chosen.includes(node) ? change(node) : node)) };
  };

/** The readers of what such a node makes read its first input instead. */
export const without =
  (name: RegExp, count: number): Change =>
  (graph) => {
    const gone = named(graph, name, count);
    const instead = new Map(gone.map(({ inputs, outputs }) => [outputs[0]!.name, inputs[0]!]));
    const rewired = (value: Value | undefined): Value | undefined => {
      const other = value && instead.get(value.name);
      return other ? rewired(other) : value;
    };
    const nodes = graph.nodes.filter((node) => !gone.includes(node));
    return { ...graph, nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(rewired) })) };
  };
