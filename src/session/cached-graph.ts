/** A decoder graph and its cache, on the thread that the graph runs on. */
import { createSlotCache } from "./create-slot-cache.js";
import type { CachedGraph, Graph } from "./graph.js";
import { GraphThread } from "./graph-thread.js";
import type { KvCacheShape } from "./slot-cache.js";

export function withCache(graph: Graph, shape: KvCacheShape): CachedGraph {
  if (graph instanceof GraphThread) return graph.withCache(shape);
  const cache = createSlotCache(graph.device, shape);
  return {
    get bytes() {
      return cache.bytes;
    },
    batchesAnywhere: cache.batchesAnywhere,
    step: (feeds, slots, room, outputs) =>
      cache.use(slots, room, ({ past, present }) =>
        graph.run({ ...feeds, ...past }, { ...Object.fromEntries(outputs.map((name) => [name, null])), ...present }),
      ),
    close: () => cache.close(),
  };
}
