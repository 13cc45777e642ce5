/** A decoder in pieces: which products there are, and which of them close a piece. */
import { describe, expect, it } from "vitest";
import { GraphBuilder, recordingCatalog, type Scope, type Value } from "../graph/index.js";
import { inputOf, momentNames, piecesOf, targetNames, withMoments } from "./pieces.js";

function linear(scope: Scope, name: string, x: Value, outFeatures: number): Value {
  const { values } = scope.matrix([name], [outFeatures], x.shape.at(-1) as number);
  return scope.op("FusedMatMul", [x, values], { transB: 1 });
}

/** Two halves; what the second gives is scaled before it is added. */
function decoder() {
  const builder = new GraphBuilder(
    "decoder",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  const { root } = builder;
  const x = builder.input("inputs_embeds", "f32", ["batch", "sequence", 64]);
  const inner = root.op("Sigmoid", [linear(root, "into", root.op("Sigmoid", [x]), 96)]);
  const half = root.op("Add", [x, linear(root, "out", inner, 64)]);
  const scaled = root.op("Mul", [linear(root, "scaled", root.op("Sigmoid", [half]), 64), root.float32(0.5)]);
  builder.output("y", root.op("Sigmoid", [root.op("Add", [half, scaled])]));
  return builder.build();
}

describe("pieces of a decoder", () => {
  it("are closed by the product that is added to what came in, as it is", () => {
    const pieces = piecesOf(decoder(), () => true);
    const found = pieces.map(({ products }) => products.map(({ tensors, closesPiece }) => [...tensors, closesPiece]));
    expect(found).toEqual([[["into.weight", false], ["out.weight", true]], [["scaled.weight", false]]]); // biome-ignore format: one thought
  });

  it("give the sums of an input without what lies behind it", () => {
    const graph = decoder();
    const [piece] = piecesOf(graph, () => true);
    const { input } = piece!.products[1]!;
    const spans = [64, 32].map((columns, i) => ({ start: 64 * i, columns }));
    const into = graph.inputs[0]!;
    const measured = withMoments(inputOf(graph, piece!, input.name), input.name, spans, into);
    const tensors = measured.initializers.flatMap(({ source }) => ("tensors" in source ? source.tensors : []));
    expect(tensors).toEqual(["into.weight"]);
    expect(measured.inputs.map(({ name }) => name)).toEqual(["inputs_embeds", targetNames.exact, targetNames.more]);
    const { gram, cross, more } = momentNames(1);
    const shapes = new Map(measured.outputs.map(({ name, shape }) => [name, shape]));
    expect([gram, cross, more].map((name) => shapes.get(name))).toEqual([[32, 32], [32, 32], [64, 32]]); // biome-ignore format: one thought
  });
});
