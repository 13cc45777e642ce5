/** Graphs that are made for themselves, not of a model: a handful of nodes, no weights, no file. */
import { OcellusError } from "../base/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../graph/index.js";

export function smallModel(name: string, build: (builder: GraphBuilder) => void): Uint8Array {
  const builder = new GraphBuilder(
    name,
    recordingCatalog(() => ({ kind: "f32" })),
  );
  build(builder);
  return encodeOnnx(builder.build(), (weight) => {
    throw new OcellusError("internal", `internal: the graph ${name} has no weight ${weight}`);
  });
}
