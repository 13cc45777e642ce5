/** A decoder graph and its cache, on the thread that the graph runs on. */
import { createSlotCache } from "./create-slot-cache.js";
import type { CachedGraph, Graph } from "./graph.js";
import type { KvCacheShape } from "./slot-cache.js";

export function withCache(graph: Graph, shape: KvCacheShape): CachedGraph {
  if (graph.withCache) return graph.withCache(shape);
  const cache = createSlotCache(graph.device, shape);
  return {
    get bytes() {
      return cache.bytes;
    },
    batchesAnywhere: cache.batchesAnywhere,
    step: async (feeds, slots, lengths, names) => {
      const wanted = Object.fromEntries(names.map((name) => [name, null]));
      const results = await cache.use(slots, lengths, ({ past, outputs }) =>
        graph.run({ ...feeds, ...past }, { ...wanted, ...outputs }),
      );
      return Object.fromEntries(names.map((name) => [name, results[name]!]));
    },
    ...(cache.save && { save: async (slot, start, count) => cache.save!(slot, start, count) }),
    ...(cache.restore && {
      restore: async (slot, start, count, values, lengths) => cache.restore!(slot, start, count, values, lengths),
    }),
    ...(cache.saveStates && { saveStates: async (slot) => cache.saveStates!(slot) }),
    ...(cache.restoreStates && { restoreStates: async (slot, values) => cache.restoreStates!(slot, values) }),
    close: () => cache.close(),
  };
}
