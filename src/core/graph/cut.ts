/**
 * A graph in pieces: where a single value carries all that is known of an input, as the residual stream does between the halves of
 * a layer, what is behind can be run without what is before.
 */
import { invariant } from "../base/index.js";
import type { Graph, Node, Value } from "./value.js";

/** The nodes between some values and others; inputs are `from` and those of the graph that are read on the way. */
export function between(graph: Graph, from: readonly Value[], to: readonly Value[]): Graph {
  const given = new Set(from.map(({ name }) => name));
  const needed = new Set(to.map(({ name }) => name));
  const nodes = graph.nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some(({ name }) => needed.has(name) && !given.has(name))) return false;
    for (const input of inputs) if (input) needed.add(input.name);
    return true;
  });
  return {
    name: graph.name,
    inputs: [...from, ...graph.inputs.filter(({ name }) => needed.has(name) && !given.has(name))],
    outputs: to,
    nodes: nodes.reverse(),
    initializers: graph.initializers.filter(({ value }) => needed.has(value.name)),
  };
}

/** The value of that name, which a node makes or the graph is given. */
export function valueNamed(graph: Graph, name: string): Value {
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  const value = [...graph.inputs, ...made].find((each) => each.name === name);
  invariant(value, `graph ${graph.name} has no value ${name}`);
  return value;
}

/** The names of those values, and of all that come of them. */
export function comingOf(graph: Graph, names: Iterable<string>): Set<string> {
  const found = new Set(names);
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.some((value) => value && found.has(value.name))) for (const { name } of outputs) found.add(name);
  return found;
}

/** A graph in two: what comes of some of its values, and what does not, whose results can be kept. */
export interface CutGraph {
  /** Its outputs are those of the whole that it makes, and what the other reads of it. Absent: it makes nothing. */
  readonly before?: Graph;
  /** Absent: no output of the whole comes of those values. */
  readonly behind?: Graph;
}

/** @param names of inputs or weights */
export function cutBehind(graph: Graph, names: Iterable<string>): CutGraph {
  const behind = comingOf(graph, names);
  const made = new Map(graph.nodes.flatMap(({ outputs }) => outputs.map((value) => [value.name, value])));
  const readers = graph.nodes.filter(({ outputs }) => outputs.some(({ name }) => behind.has(name)));
  const read = readers.flatMap(({ inputs }) => inputs.map((value) => value?.name ?? ""));
  const crossing = [...new Set(read)].filter((name) => made.has(name) && !behind.has(name));
  const [later, earlier] = [true, false].map((is) => graph.outputs.filter(({ name }) => behind.has(name) === is));
  const kept = new Map([...crossing.map((name) => made.get(name)!), ...earlier!].map((value) => [value.name, value]));
  return {
    ...(kept.size > 0 && { before: between(graph, [], [...kept.values()]) }),
    ...(later!.length > 0 && { behind: between(graph, crossing.map((name) => made.get(name)!), later!) }), // biome-ignore format: one thought
  };
}

/** The values, in the order of the graph, that alone carry on what comes of the input: no node behind reads any other of it. */
export function narrowPlaces(graph: Graph, input: string): Value[] {
  const lastRead = new Map<string, number>();
  for (const [i, { inputs }] of graph.nodes.entries())
    for (const value of inputs) if (value) lastRead.set(value.name, i);
  const live = new Map<string, Value>([[input, valueNamed(graph, input)]]);
  return graph.nodes.flatMap((node, i) => {
    if (!node.inputs.some((value) => value && live.has(value.name))) return []; // a constant, an angle
    addLive(live, node, i, lastRead);
    return live.size === 1 ? [...live.values()] : [];
  });
}

function addLive(live: Map<string, Value>, { outputs }: Node, i: number, lastRead: ReadonlyMap<string, number>): void {
  for (const value of outputs) if ((lastRead.get(value.name) ?? -1) > i) live.set(value.name, value);
  for (const name of [...live.keys()]) if (lastRead.get(name)! <= i) live.delete(name);
}
