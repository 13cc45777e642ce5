/** A graph in numbers: how often each operator runs, what it takes and gives, and in which formats it multiplies. */

import type { Graph, Node, Value } from "../core/graph/index.js";
import { describeFormat, elementCount, storedBytes, type WeightFormat } from "../core/tensor/index.js";

/** The matrix products of one weight format. */
export interface ProductSummary {
  /** As `describeFormat` spells it: `fp32`, `int4 b32`. */
  readonly format: string;
  readonly count: number;
  readonly numParameters: number;
  /** As stored, scales included. */
  readonly sizeBytes: number;
}

export interface GraphSummary {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly numNodes: number;
  /** The commonest first. */
  readonly ops: Readonly<Record<string, number>>;
  /** Numbers of the checkpoint that this graph reads, matrices and small weights. */
  readonly numParameters: number;
  /** The largest first. */
  readonly products: readonly ProductSummary[];
}

export function summarizeGraph(graph: Graph): GraphSummary {
  const matrices = matricesOf(graph);
  const inProducts = matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  return {
    name: graph.name,
    inputs: graph.inputs,
    outputs: graph.outputs,
    numNodes: graph.nodes.length,
    ops: countOps(graph.nodes),
    numParameters: inProducts + smallWeights(graph, matrices),
    products: productsOf(matrices),
  };
}

function countOps(nodes: readonly Node[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}

/** A stored matrix [rows, columns] that some node multiplies by. */
interface UsedMatrix {
  readonly name: string;
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
}

function matricesOf(graph: Graph): UsedMatrix[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value.name, node])));
  const sources = new Map(graph.initializers.map(({ value, source }) => [value.name, source]));
  return graph.nodes.flatMap((node) => {
    if (!/^(FusedMatMul|MatMulNBits|MatMulBnb4|MatMulIntegerToFloat)$/.test(node.op)) return [];
    const operand = node.inputs[1]!;
    const name = weightBehind(operand, makers);
    const [rows, columns] = sidesOf(node, operand);
    const source = sources.get(name);
    if (!source || "bytes" in source) return []; // of two values that are both computed
    return [{ name, format: source.format, rows, columns }];
  });
}

/** Rows and columns of the matrix as the checkpoint has it; products of whole numbers read it column by column. */
function sidesOf({ op, attributes }: Node, { shape }: Value): readonly [number, number] {
  const [first, second] = shape as readonly [number, number];
  if (op === "MatMulIntegerToFloat") return [second, first];
  const { K = second, N = first } = attributes;
  return [N as number, K as number];
}

/** Half-precision matrices are widened, kernels of a convolution flattened, on their way to the product. */
function weightBehind(value: Value, makers: ReadonlyMap<string, Node>): string {
  const maker = makers.get(value.name);
  return maker ? weightBehind(maker.inputs[0]!, makers) : value.name;
}

/** What no product reads: norms, biases, tables. */
function smallWeights(graph: Graph, matrices: readonly UsedMatrix[]): number {
  const counted = new Set(matrices.map(({ name }) => name));
  const small = graph.initializers.filter(
    ({ value, source }) => "tensors" in source && source.part === "values" && !counted.has(value.name),
  );
  return small.reduce((sum, { value }) => sum + elementCount(value.shape as number[]), 0);
}

function productsOf(matrices: readonly UsedMatrix[]): ProductSummary[] {
  const byFormat = new Map<string, ProductSummary>();
  for (const { format, rows, columns } of matrices) {
    const key = describeFormat(format);
    const before = byFormat.get(key) ?? { format: key, count: 0, numParameters: 0, sizeBytes: 0 };
    byFormat.set(key, {
      format: key,
      count: before.count + 1,
      numParameters: before.numParameters + rows * columns,
      sizeBytes: before.sizeBytes + storedBytes(format, rows, columns),
    });
  }
  return [...byFormat.values()].sort((a, b) => b.numParameters - a.numParameters);
}
