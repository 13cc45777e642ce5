/**
 * The most memory that the values of a graph take at once, found by walking its nodes in order: a value lives from the
 * node that makes it to the last that reads it. Weights are not counted, nor the key and value cache, which lives
 * outside; kernels that copy their operands (attention) count with their copies.
 * [onnxruntime contrib_ops/cpu/bert: multihead_attention.cc, gqa_attention_base.h]
 */
import { invariant } from "../core/base/index.js";
import type { Dim, Graph, Node, Value } from "../core/graph/index.js";
import { byteLength } from "../core/tensor/index.js";

/** Sizes known only at run time, by name: `{ num_tokens: 1024 }`. */
export type RunSizes = Readonly<Record<string, number>>;

export function peakActivationBytes(graph: Graph, sizes: RunSizes): number {
  const bytes = (value: Value) =>
    isCache(value)
      ? 0
      : byteLength(
          value.dtype,
          value.shape.map((d) => dimension(d, sizes)),
        );
  const dying = dyingAt(graph);
  const live = new Map(graph.inputs.map((value) => [value.name, bytes(value)]));
  let current = [...live.values()].reduce((a, b) => a + b, 0);
  let peak = current;
  for (const [i, node] of graph.nodes.entries()) {
    for (const output of node.outputs) {
      const size = node.op === "Reshape" ? 0 : bytes(output); // a Reshape shares its input's bytes
      live.set(output.name, size);
      current += size;
    }
    peak = Math.max(peak, current + workspace(node, sizes));
    for (const name of dying[i]!) current -= live.get(name) ?? 0;
  }
  return peak;
}

/** For each node, the values that nothing behind it reads. What leaves the graph, and what came in, stays to the end. */
function dyingAt(graph: Graph): string[][] {
  const last = new Map<string, number>();
  const sources = new Map<string, string>(); // reshaped value → the one whose bytes it shares
  for (const [i, node] of graph.nodes.entries()) {
    if (node.op === "Reshape") sources.set(node.outputs[0]!.name, node.inputs[0]!.name);
    for (const value of [...node.inputs, ...node.outputs]) {
      for (let name = value?.name; name !== undefined; name = sources.get(name)) last.set(name, i);
    }
  }
  for (const { name } of [...graph.outputs, ...graph.inputs]) {
    for (let shared: string | undefined = name; shared !== undefined; shared = sources.get(shared)) last.delete(shared);
  }
  const dying = graph.nodes.map((): string[] => []);
  for (const [name, i] of last) dying[i]!.push(name);
  return dying;
}

/** What a kernel allocates beside its outputs. */
function workspace({ op, inputs, attributes }: Node, sizes: RunSizes): number {
  const elements = (value: Value) => value.shape.reduce<number>((n, d) => n * dimension(d, sizes), 1);
  if (op === "MultiHeadAttention") return 4 * inputs.slice(0, 3).reduce((sum, value) => sum + elements(value!), 0); // q, k and v, heads first
  if (op !== "GroupQueryAttention") return 0;
  const [query, , , past] = inputs as Value[];
  const [batch, length] = query!.shape.map((d) => dimension(d, sizes));
  const scores = batch! * (attributes.num_heads as number) * length! * dimension(past!.shape[2]!, sizes);
  return 4 * (elements(query!) + scores);
}

function isCache({ name }: Value): boolean {
  return /^(past_key_values|present|added)\./.test(name);
}

/** `"4*num_tokens"` and sums of such, as the shape inference writes them. */
function dimension(dim: Dim, sizes: RunSizes): number {
  if (typeof dim === "number") return dim;
  const factor = (text: string) => (/^\d+$/.test(text) ? Number(text) : sizes[text]);
  return dim.split("+").reduce((sum, term) => {
    const value = term.split("*").map(factor);
    invariant(
      value.every((v) => v !== undefined),
      `no size for ${dim} among ${Object.keys(sizes).join(", ")}`,
      { dimension: dim, known: Object.keys(sizes) },
    );
    return sum + value.reduce((a, b) => a! * b!, 1)!;
  }, 0);
}
