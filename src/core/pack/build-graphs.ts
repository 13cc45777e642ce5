/** A family's graphs over a catalog of weights. */
import { type Graph, GraphBuilder, pruned, type WeightCatalog, withoutOutputs } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";

/** The graphs of a model by name; the catalog says which tensors there are and in which format each is stored. */
export function buildGraphs(family: AnyFamily, config: unknown, catalog: WeightCatalog): Record<string, Graph> {
  const built = Object.entries(family.graphs(config)).map(([name, fill]) => {
    const builder = new GraphBuilder(name, catalog);
    fill(builder);
    const graph = builder.build();
    return [name, family.view ? pruned(graph) : graph]; // of a part of the model's graph, the rest goes
  });
  return Object.fromEntries(built);
}

/**
 * The decoder as prompts are read by: in another format, and without the head, which would be in memory twice. It reads all of a
 * prompt but the last token, whose logits are wanted.
 */
export function prefillGraph(family: AnyFamily, config: unknown, catalog: WeightCatalog): Graph {
  const builder = new GraphBuilder("prefill", catalog);
  family.graphs(config).decoder!(builder);
  return pruned(withoutOutputs(builder.build(), "logits"));
}
