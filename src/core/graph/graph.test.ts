import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { GraphBuilder } from "./builder.js";
import { checkpointCatalog } from "./catalog.js";
import { printGraph } from "./print.js";
import { ProtobufWriter } from "./protobuf.js";
import { withoutOutputs } from "./value.js";

const catalog = (shapes: Record<string, number[]>, kind: "f32" | "int4" = "f32") =>
  checkpointCatalog(
    {
      names: () => Object.keys(shapes),
      info: (name) => (shapes[name] ? { name, dtype: "f32", shape: shapes[name] } : undefined),
    },
    () => (kind === "f32" ? { kind } : { kind, blockSize: 32 }),
  );

describe("graph builder", () => {
  it("names nodes and weights by one path, and prints them", () => {
    const builder = new GraphBuilder("demo", catalog({ "mlp.norm.weight": [8] }));
    const x = builder.input("x", "f32", ["batch", 8]);
    const norm = builder.root.at("mlp").at("norm");
    const y = norm.op("SimplifiedLayerNormalization", [x, norm.weight("weight", [8])], { epsilon: { float: 1e-6 } });
    builder.output("y", builder.root.op("Add", [y, x]));
    expect(printGraph(builder.build())).toMatchInlineSnapshot(`
      "graph demo
      inputs:
        x: f32[batch, 8]
      weights:
        mlp.norm.weight: f32[8]
      nodes:
        mlp.norm.SimplifiedLayerNormalization(x, mlp.norm.weight) {epsilon=0.000001} -> f32[batch, 8]
        Add(mlp.norm.SimplifiedLayerNormalization, x) -> f32[batch, 8] as y
      outputs:
        y: f32[batch, 8]
      "
    `);
  });

  it("refuses an output with the name of a weight, whichever comes first", () => {
    for (const isWeightFirst of [true, false]) {
      const builder = new GraphBuilder("demo", catalog({ shared: [8] }));
      const x = builder.input("x", "f32", [8]);
      if (isWeightFirst) builder.root.weight("shared", [8]);
      builder.output("shared", builder.root.op("Add", [x, x]));
      if (!isWeightFirst) builder.root.weight("shared", [8]);
      expect(() => builder.build()).toThrow(ocellusError("internal", { output: "shared" }));
    }
  });

  it("takes outputs back by the beginning of their names, and nothing else", () => {
    const builder = new GraphBuilder("demo", catalog({}));
    const x = builder.input("x", "f32", [8]);
    for (const name of ["present.0", "added.0", "present.1"]) builder.output(name, builder.root.op("Add", [x, x]));
    const graph = builder.build();
    const fewer = withoutOutputs(graph, "present.");
    expect(fewer.outputs.map(({ name }) => name)).toEqual(["added.0"]);
    expect({ ...fewer, outputs: graph.outputs }).toEqual(graph);
  });

  it("stacks matrices by rows and stores them in the planned format", () => {
    const builder = new GraphBuilder("demo", catalog({ "q.weight": [64, 40], "k.weight": [32, 40] }, "int4"));
    const matrix = builder.root.matrix(["q", "k"], [64, 32], 40);
    expect(matrix.values).toMatchObject({ name: "q+k.weight.int4", dtype: "u8", shape: [96, 2, 16] });
    expect(matrix.scales).toMatchObject({ name: "q+k.weight.int4.scales", dtype: "f32", shape: [96, 2] });
  });

  it("names the nearest tensors when one is missing, and the shapes when they differ", () => {
    const { root } = new GraphBuilder("demo", catalog({ "layers.0.w1.weight": [4] }));
    expect(() => root.at("layers.0").weight("w2.weight", [4])).toThrow(
      ocellusError("invalid_file", { tensor: "layers.0.w2.weight", expected: [4], nearest: ["layers.0.w1.weight"] }),
    );
    expect(() => root.at("layers.0").weight("w1.weight", [5])).toThrow(
      ocellusError("invalid_file", { tensor: "layers.0.w1.weight", expected: [5], found: [4] }),
    );
  });

  it("refuses inputs that do not fit, naming the node", () => {
    const builder = new GraphBuilder("demo", catalog({}));
    const x = builder.input("x", "f32", ["batch", 8]);
    const y = builder.input("y", "f32", ["batch", 7]);
    expect(() => builder.root.at("layer").op("Add", [x, y])).toThrow(
      ocellusError("invalid_config", {
        graph: "demo",
        node: "layer.Add",
        operands: ["x: f32[batch, 8]", "y: f32[batch, 7]"],
      }),
    );
  });

  it("follows symbolic sizes through Reshape", () => {
    const builder = new GraphBuilder("demo", catalog({}));
    const x = builder.input("x", "f32", ["batch", "sequence", 256]);
    expect(builder.root.reshape(x, [0, 0, 4, 64]).shape).toEqual(["batch", "sequence", 4, 64]);
    expect(builder.root.reshape(x, [-1, 256]).shape).toEqual(["batch*sequence", 256]);
    expect(builder.root.reshape(builder.root.reshape(x, [0, 0, 4, 64]), [0, 0, -1]).shape).toEqual([
      "batch",
      "sequence",
      256,
    ]);
    const blocks = builder.input("blocks", "f32", ["4*batch*num_tokens", 8]);
    const sizes = [builder.root.op("Shape", [x], { start: 0, end: 1 }), builder.root.int64([-1, 8])];
    const target = builder.root.op("Concat", sizes, { axis: 0 });
    expect(builder.root.op("Reshape", [blocks, target]).shape).toEqual(["batch", "4*num_tokens", 8]);
    const others = [builder.root.op("Shape", [x], { start: 1, end: 2 }), builder.root.int64([-1, 8])];
    const stranger = builder.root.op("Concat", others, { axis: 0 });
    expect(() => builder.root.op("Reshape", [blocks, stranger])).toThrow(
      ocellusError("invalid_config", {
        node: expect.stringContaining("Reshape"),
        operands: ["blocks: f32[4*batch*num_tokens, 8]"],
      }),
    );
    expect(() => builder.root.reshape(x, [0, 0, 3, 64])).toThrow(
      ocellusError("invalid_config", {
        node: expect.stringContaining("Reshape"),
        operands: ["x: f32[batch, sequence, 256]"],
      }),
    );
  });
});

describe("protobuf writer", () => {
  it("writes the examples of the encoding guide", () => {
    expect([...new ProtobufWriter().int(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new ProtobufWriter().string(2, "testing").finish()]).toEqual([
      0x12,
      7,
      ...new TextEncoder().encode("testing"),
    ]);
    expect([...new ProtobufWriter().message(3, (w) => w.int(1, 150)).finish()]).toEqual([0x1a, 3, 0x08, 0x96, 0x01]);
    expect([...new ProtobufWriter().int(1, -2).finish()]).toEqual([0x08, 0xfe, ...new Array(8).fill(0xff), 0x01]);
  });
});
