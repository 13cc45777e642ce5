/**
 * A decoder's graph in pieces, each from one narrow place to the next, with the four-bit products between them: the attention
 * half of a layer is one, its feed-forward half another.
 */
import {
  between,
  type Graph,
  type Initializer,
  type Node,
  narrowPlaces,
  type Value,
  valueNamed,
} from "../graph/index.js";

/** Matrices that are multiplied with the same input. */
export interface Product {
  /** The first tensor of each stack of matrices, with those stacked on it. */
  readonly tensors: readonly string[];
  readonly input: Value;
}

export interface Piece {
  /** Names of the values that go in and come out. */
  readonly from: string;
  readonly to: string;
  readonly products: readonly Product[];
}

/** The value that the decoder begins with. */
const start = "inputs_embeds";

/** @param isRounded tells the matrices that are to be rounded, by their first tensor */
export function piecesOf(graph: Graph, isRounded: (tensor: string) => boolean): Piece[] {
  const narrow = new Set(narrowPlaces(graph, start).map(({ name }) => name));
  const pieces: Piece[] = [];
  let from = start;
  let products = new Map<string, Product>();
  const matrices = new Map(graph.initializers.map((initializer) => [initializer.value.name, initializer]));
  for (const node of graph.nodes) {
    addProduct(products, node, matrices, isRounded);
    const place = node.outputs.find(({ name }) => narrow.has(name));
    if (!place || products.size === 0) continue;
    pieces.push({ from, to: place.name, products: [...products.values()] });
    from = place.name;
    products = new Map();
  }
  return pieces;
}

function addProduct(
  products: Map<string, Product>,
  { inputs }: Node,
  matrices: ReadonlyMap<string, Initializer>,
  isRounded: (tensor: string) => boolean,
): void {
  const [x, matrix] = inputs;
  const source = matrix && matrices.get(matrix.name)?.source;
  if (!x || !source || !("tensors" in source) || source.part !== "values" || !isRounded(source.tensors[0]!)) return;
  const known = products.get(x.name)?.tensors ?? [];
  products.set(x.name, { input: x, tensors: [...known, ...source.tensors] });
}

/** The nodes of a piece. Boundaries have the same names whatever format the matrices are in. */
export function pieceOf(graph: Graph, { from, to }: Piece): Graph {
  return between(graph, [valueNamed(graph, from)], [valueNamed(graph, to)]);
}

export interface Span {
  readonly start: number;
  readonly columns: number;
}

/** Where Σ x·xᵀ of a span of a product's input comes out. */
export const gramName = (product: number, span: number) => `gram.${product}.${span}`;

/** The same piece that also gives Σ x·xᵀ over its tokens, for the spans of each product's input. */
export function withGrams(
  graph: Graph,
  products: readonly Product[],
  spansOf: (columns: number) => readonly Span[],
): Graph {
  const made = products.map(({ input }, n) => gramNodes(input, n, spansOf(columnsOf(input))));
  return {
    ...graph,
    nodes: [...graph.nodes, ...made.flatMap(({ nodes }) => nodes)],
    outputs: [...graph.outputs, ...made.flatMap(({ outputs }) => outputs)],
    initializers: [...graph.initializers, ...made.flatMap(({ constants }) => constants)],
  };
}

export function columnsOf(input: Value): number {
  return input.shape.at(-1) as number;
}

function gramNodes(input: Value, n: number, spans: readonly Span[]) {
  const columns = columnsOf(input);
  const list = (name: string, contents: readonly number[]): Initializer => ({
    value: { name, dtype: "i64", shape: [contents.length], contents },
    source: { bytes: new Uint8Array(BigInt64Array.from(contents, BigInt).buffer) },
  });
  const [shape, sizes] = [
    list(`gram.${n}.shape`, [-1, columns]),
    list(
      `gram.${n}.sizes`,
      spans.map((s) => s.columns),
    ),
  ];
  const value = (name: string, dims: Value["shape"]): Value => ({ name, dtype: "f32", shape: dims });
  const rows = value(`gram.${n}.rows`, ["tokens", columns]);
  const parts = spans.map((span, i) => value(`gram.${n}.part.${i}`, ["tokens", span.columns]));
  const outputs = spans.map((span, i) => value(gramName(n, i), [span.columns, span.columns]));
  const node = (
    op: string,
    inputs: readonly Value[],
    out: readonly Value[],
    attributes: Node["attributes"] = {},
  ): Node => ({
    ...{ name: `${out[0]!.name}.${op}`, op, inputs, outputs: out, attributes },
  });
  const nodes = [
    node("Reshape", [input, shape.value], [rows]),
    node("Split", [rows, sizes.value], parts, { axis: -1 }),
    ...parts.map((part, i) => node("FusedMatMul", [part, part], [outputs[i]!], { transA: 1 })),
  ];
  return { nodes, outputs, constants: [shape, sizes] };
}
