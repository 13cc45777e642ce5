/** Opens a graph that is made for itself. */
import type { GraphBuilder } from "../graph/index.js";
import { GraphSession, type SessionOptions } from "./session.js";
import { smallModel } from "./small-graph.js";

/** @param options threads: 1, unless it says otherwise. */
export function openSmallGraph(
  name: string,
  options: SessionOptions,
  build: (builder: GraphBuilder) => void,
): Promise<GraphSession> {
  return GraphSession.open(smallModel(name, build), { threads: 1, ...options });
}
