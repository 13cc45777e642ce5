/** Graphs that this room makes for itself: a handful of nodes, no weights, no file. */
import { OcellusError } from "../base/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../graph/index.js";
import { GraphSession, type SessionOptions } from "./session.js";

export function openSmallGraph(
  name: string,
  options: Omit<SessionOptions, "threads">,
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
  return GraphSession.open(model, { ...options, threads: 1 });
}
