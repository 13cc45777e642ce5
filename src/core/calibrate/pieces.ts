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
  /** What it gives is added to what came into the piece, and the sum goes out. */
  readonly closesPiece: boolean;
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
  let products = new Map<string, FoundProduct>();
  const matrices = new Map(graph.initializers.map((initializer) => [initializer.value.name, initializer]));
  for (const node of graph.nodes) {
    addProduct(products, node, matrices, isRounded);
    const place = node.outputs.find(({ name }) => narrow.has(name));
    if (!place || products.size === 0) continue;
    const sum = node.op === "Add" ? node.inputs.map((value) => value?.name) : [];
    const added = sum.includes(from) ? sum.find((name) => name !== from) : undefined;
    const found = [...products.values()].map(({ given, ...product }) => ({ ...product, closesPiece: given === added }));
    pieces.push({ from, to: place.name, products: found });
    from = place.name;
    products = new Map();
  }
  return pieces;
}

/** With the name of what it gives; where several matrices share an input, of what the first gives. */
interface FoundProduct extends Omit<Product, "closesPiece"> {
  readonly given: string;
}

function addProduct(
  products: Map<string, FoundProduct>,
  { inputs, outputs }: Node,
  matrices: ReadonlyMap<string, Initializer>,
  isRounded: (tensor: string) => boolean,
): void {
  const [x, matrix] = inputs;
  const source = matrix && matrices.get(matrix.name)?.source;
  if (!x || !source || !("tensors" in source) || source.part !== "values" || !isRounded(source.tensors[0]!)) return;
  const known = products.get(x.name);
  const tensors = [...(known?.tensors ?? []), ...source.tensors];
  products.set(x.name, { input: x, tensors, given: known?.given ?? outputs[0]!.name });
}

/** The nodes of a piece. Values have the same names whatever format the matrices are in. */
export function pieceOf(graph: Graph, { from, to }: Piece): Graph {
  return between(graph, [valueNamed(graph, from)], [valueNamed(graph, to)]);
}

/** The nodes of a piece that an input of one of its products comes of. */
export function inputOf(graph: Graph, { from }: Piece, input: string): Graph {
  return between(graph, [valueNamed(graph, from)], [valueNamed(graph, input)]);
}

export interface Span {
  readonly start: number;
  readonly columns: number;
}

/** Where the sums of a span come out: Σ x·xᵀ, Σ x′·xᵀ, Σ r·xᵀ. */
export const momentNames = (span: number) => ({
  gram: `moments.gram.${span}`,
  cross: `moments.cross.${span}`,
  more: `moments.more.${span}`,
});

/** Where x′ and r go in. */
export const targetNames = { exact: "moments.exact", more: "moments.more" };

/**
 * The graph that gives, over its tokens, Σ x·xᵀ, Σ x′·xᵀ and Σ r·xᵀ for the spans of one of its values x. x′ is an input, and so
 * is r, of which there may be none.
 */
export function withMoments(graph: Graph, name: string, spans: readonly Span[], more?: Value): Graph {
  const x = valueNamed(graph, name);
  const exact: Value = { ...x, name: targetNames.exact };
  const r: Value | undefined = more && { ...more, name: targetNames.more };
  const sizes = spans.map(({ columns }) => columns);
  const [own, meant] = [partsOf(x, sizes, "x"), partsOf(exact, sizes, "exact")];
  const owed = r && partsOf(r, [columnsOf(r)], "more");
  const sums = spans.flatMap((_, i) => {
    const [names, part] = [momentNames(i), own.parts[i]!];
    const sums = [sumOf(names.gram, part, part), sumOf(names.cross, meant.parts[i]!, part)];
    return owed ? [...sums, sumOf(names.more, owed.parts[0]!, part)] : sums;
  });
  const added = [own, meant, ...(owed ? [owed] : [])];
  return {
    ...graph,
    inputs: [...graph.inputs, exact, ...(r ? [r] : [])],
    nodes: [...graph.nodes, ...added.flatMap(({ nodes }) => nodes), ...sums],
    outputs: sums.flatMap(({ outputs }) => outputs),
    initializers: [...graph.initializers, ...added.flatMap(({ constants }) => constants)],
  };
}

/** Σ left·rightᵀ over the tokens. */
function sumOf(name: string, left: Value, right: Value): Node {
  const sum: Value = { name, dtype: "f32", shape: [columnsOf(left), columnsOf(right)] };
  return node("FusedMatMul", [left, right], [sum], { transA: 1 });
}

export function columnsOf(input: Value): number {
  return input.shape.at(-1) as number;
}

/** The columns of a value in parts [tokens, columns of the part]. */
function partsOf(value: Value, columns: readonly number[], what: string) {
  const name = `moments.${what}`;
  const made = (suffix: string, count: number): Value => {
    return { name: `${name}.${suffix}`, dtype: "f32", shape: ["tokens", count] };
  };
  const shape = list(`${name}.shape`, [-1, columnsOf(value)]);
  const sizes = list(`${name}.sizes`, columns);
  const rows = made("rows", columnsOf(value));
  const parts = columns.map((count, i) => made(`part.${i}`, count));
  const nodes = [
    node("Reshape", [value, shape.value], [rows]),
    node("Split", [rows, sizes.value], parts, { axis: -1 }),
  ];
  return { nodes, parts, constants: [shape, sizes] };
}

function node(
  op: Node["op"],
  inputs: readonly Value[],
  outputs: readonly Value[],
  attributes: Node["attributes"] = {},
): Node {
  return { name: `${outputs[0]!.name}.${op}`, op, inputs, outputs, attributes };
}

function list(name: string, contents: readonly number[]): Initializer {
  return {
    value: { name, dtype: "i64", shape: [contents.length], contents },
    source: { bytes: new Uint8Array(BigInt64Array.from(contents, BigInt).buffer) },
  };
}
