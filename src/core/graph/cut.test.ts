import { describe, expect, it } from "vitest";
import { GraphBuilder } from "./builder.js";
import { recordingCatalog } from "./catalog.js";
import { between, cutBehind, narrowPlaces, valueNamed } from "./cut.js";

/** Two halves of a layer around a residual stream, and an angle that both read. */
function layer() {
  const builder = new GraphBuilder(
    "decoder",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  const x = builder.input("x", "f32", ["tokens", 4]);
  const angle = builder.root.op("Abs", [builder.input("angle", "f32", ["tokens", 4])]);
  const half = (name: string, from: typeof x) => {
    const scope = builder.root.at(name);
    const turned = scope.op("Mul", [scope.op("Abs", [from]), angle]);
    return scope.op("Add", [from, scope.op("FusedMatMul", [turned, scope.weight("w", [4, 4])], { transB: 1 })]);
  };
  const second = half("second", half("first", x));
  builder.output("logits", builder.root.op("Abs", [second]));
  return builder.build();
}

describe("a graph in pieces", () => {
  it("is narrow where a single value carries the input on", () => {
    expect(narrowPlaces(layer(), "x").map(({ name }) => name)).toEqual(["first.Add", "second.Add"]);
  });

  it("has in a piece the nodes between two values, with the weights and inputs that they read", () => {
    const graph = layer();
    const piece = between(graph, [valueNamed(graph, "first.Add")], [valueNamed(graph, "second.Add")]);
    expect(piece.inputs.map(({ name }) => name)).toEqual(["first.Add", "angle"]);
    expect(piece.outputs.map(({ name }) => name)).toEqual(["second.Add"]);
    expect(piece.nodes.map(({ name }) => name)).toEqual(["Abs", "second.Abs", "second.Mul", "second.FusedMatMul", "second.Add"]); // biome-ignore format: one thought
    expect(piece.initializers.map(({ value }) => value.name)).toEqual(["second.w"]);
  });

  it("is cut where what comes of some weights begins: what is before gives what is read behind, and runs alone", () => {
    const graph = layer();
    const { before, behind } = cutBehind(graph, ["second.w"]);
    const names = (values: readonly { readonly name: string }[]) => values.map(({ name }) => name);
    expect(names(before!.outputs).sort()).toEqual(["first.Add", "second.Mul"]);
    expect(names(behind!.inputs).sort()).toEqual(["first.Add", "second.Mul"]);
    expect(names(behind!.outputs)).toEqual(["logits"]);
    expect(new Set([...names(before!.nodes), ...names(behind!.nodes)])).toEqual(new Set(names(graph.nodes)));
    expect(before!.nodes.length + behind!.nodes.length).toBe(graph.nodes.length); // none twice
    expect(cutBehind(graph, []).behind).toBeUndefined();
    expect(cutBehind(graph, ["x", "angle"]).before).toBeUndefined();
  });
});
