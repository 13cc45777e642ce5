/** Graphs that are made for themselves, not of a model: a handful of nodes, no weights, no file. */
import { OcellusError } from "../base/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../graph/index.js";
import { GraphSession, type SessionOptions } from "./session.js";

/** @param options threads: 1, unless it says otherwise. */
export function openSmallGraph(
  name: string,
  options: SessionOptions,
  build: (builder: GraphBuilder) => void,
): Promise<GraphSession> {
  const builder = new GraphBuilder(
    name,
    recordingCatalog(() => ({ kind: "f32" })),
  );
  build(builder);
  const model = encodeOnnx(builder.build(), (weight) => {
    throw new OcellusError("internal", `internal: the graph ${name} has no weight ${weight}`);
  });
  return GraphSession.open(model, { threads: 1, ...options });
}
