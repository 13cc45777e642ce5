/** A family's graphs over a catalog of weights. */
import { type Graph, GraphBuilder, type WeightCatalog } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";

/** The graphs of a model by name; the catalog says which tensors there are and in which format each is stored. */
export function buildGraphs(family: AnyFamily, config: unknown, catalog: WeightCatalog): Record<string, Graph> {
  const built = Object.entries(family.graphs(config)).map(([name, fill]) => {
    const builder = new GraphBuilder(name, catalog);
    fill(builder);
    return [name, builder.build()];
  });
  return Object.fromEntries(built);
}
