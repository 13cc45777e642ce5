/**
 * A model's graph in blocks, so that training holds what is within one block at a time: all blocks are run forwards, keeping what
 * goes into each; then, from the last to the first, the vjp of each computes its inside once more.
 * [Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost]
 */
import { invariant } from "../base/index.js";
import { between, type Graph, type Node, narrowPlaces, valueNamed } from "../graph/index.js";

export interface TrainingPiece {
  /** Path of its block, such as "model.layers.3"; of what is before, between and behind blocks the path of its first node. */
  readonly name: string;
  /** The value that carries the input in. Other inputs (angles, DeepStack's features) are the whole graph's. */
  readonly from: string;
  /** The value that carries it on; the last piece has outputs of the whole graph only. */
  readonly to: string | undefined;
  /** Outputs: `to`, then those of the whole graph that are made here. */
  readonly graph: Graph;
  /** Weights that it reads, by their names in the checkpoint. */
  readonly weights: readonly string[];
}

/** @param graph of `trainingForm`; @param input what goes through all pieces: `inputs_embeds`, `pixel_values` */
export function trainingPieces(graph: Graph, input: string): TrainingPiece[] {
  const cuts = placesToCut(graph, input);
  const made = new Map(graph.nodes.flatMap(({ outputs }, i) => outputs.map(({ name }) => [name, i] as const)));
  const outputs = graph.outputs.map((output) => ({ output, at: made.get(output.name)! }));
  return [...cuts, undefined].map((to, n) => {
    const from = cuts[n - 1] ?? input;
    const [first, last] = [made.get(from) ?? -1, to === undefined ? graph.nodes.length : made.get(to)!];
    const own = outputs.filter(({ output, at }) => at > first && at <= last && output.name !== to);
    const ends = [...(to === undefined ? [] : [valueNamed(graph, to)]), ...own.map(({ output }) => output)];
    return pieceOf(between(graph, [valueNamed(graph, from)], ends), from, to);
  });
}

function pieceOf(graph: Graph, from: string, to: string | undefined): TrainingPiece {
  const weights = graph.initializers.filter(({ source }) => "tensors" in source).map(({ value }) => value.name);
  const blocks = blocksOf(graph);
  const name = graph.nodes.map(({ name }) => pathOf(name)).find((path) => blocks.has(path)) ?? graph.nodes[0]!.name;
  return { name, from, to, graph, weights };
}

/** Names of the values before and behind blocks, where one carries all that is known of the input. */
function placesToCut(graph: Graph, input: string): string[] {
  const narrow = new Set(narrowPlaces(graph, input).map(({ name }) => name));
  const blocks = blocksOf(graph);
  const blockOf = (node: Node | undefined) => (node && blocks.has(pathOf(node.name)) ? pathOf(node.name) : "");
  const readers = dependent(graph, input);
  const places = readers.flatMap((node, i) => {
    const value = node.outputs.find(({ name }) => narrow.has(name));
    return value && i + 1 < readers.length && blockOf(node) !== blockOf(readers[i + 1]) ? [value.name] : [];
  });
  invariant(new Set(places).size === places.length, `graph ${graph.name} has a place twice`);
  return places;
}

/** A block's path ends at the first number of it: "model.layers.3.mlp.Mul" → "model.layers.3" */
function pathOf(name: string): string {
  return /^.*?\.\d+(?=\.)/.exec(name)?.[0] ?? "";
}

/** Paths in which tokens look at each other. */
function blocksOf({ nodes }: Graph): ReadonlySet<string> {
  const mixers = nodes.filter(({ op }) => op === "MultiHeadAttention" || op === "LinearAttention");
  return new Set(mixers.map(({ name }) => pathOf(name)).filter((path) => path !== ""));
}

/** The nodes that are computed of an input. */
function dependent({ nodes }: Graph, input: string): Node[] {
  const names = new Set([input]);
  return nodes.filter(({ inputs, outputs }) => {
    const isDependent = inputs.some((value) => value && names.has(value.name));
    if (isDependent) for (const { name } of outputs) names.add(name);
    return isDependent;
  });
}
