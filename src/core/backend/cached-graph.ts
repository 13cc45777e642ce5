/** A decoder graph and its cache, on the thread that the graph runs on; with it, if there is one, the graph that reads prompts. */
import { createSlotCache } from "./create-slot-cache.js";
import type { CachedGraph, Graph } from "./graph.js";
import type { KvCacheShape } from "./slot-cache.js";
import { type Feeds, int32, int64 } from "./tensors.js";

/** One token of each sequence: the other three are not looked at. */
const noRun: Feeds = {
  run_steps: int64([1], []),
  run_rows: int64([0], [1, 1]),
  run_lengths: int32([0], [1, 1]),
  run_places: int64([0, 0], [1, 2]),
};

export function withCache(graph: Graph, shape: KvCacheShape, prefill?: Promise<Graph>): CachedGraph {
  if (graph.withCache) return graph.withCache(shape);
  const cache = createSlotCache(graph, { ...shape, kvCacheDtype: graph.kvCacheDtype ?? "float32" });
  const { takesRuns = false } = graph;
  let prefillFault: string | undefined;
  const forPrompts = prefill?.catch((error: unknown) => {
    prefillFault = String(error);
    return undefined;
  });
  return {
    get bytes() {
      return cache.bytes;
    },
    batchesAnywhere: cache.batchesAnywhere,
    hasPrefill: prefill !== undefined,
    get prefillFault() {
      return prefillFault;
    },
    takesRuns,
    step: async (given, slots, lengths, names, by = "decoder") => {
      const copy = by === "prefill" ? await forPrompts : undefined;
      const feeds = takesRuns && !copy ? { ...noRun, ...given } : given;
      const wanted = Object.fromEntries(names.map((name) => [name, null]));
      const results = await cache.use(slots, lengths, ({ past, outputs }) =>
        (copy ?? graph).run({ ...feeds, ...past }, { ...wanted, ...outputs }),
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

/**
 * A decoder and the graph that its prompts are read by, as one. That may still be opening: the first prompt waits for it. Where
 * it cannot be opened, the decoder reads prompts too.
 */
export function withPrefill(decoder: Graph, prefill: Promise<Graph>): Graph {
  prefill.catch(() => {}); // heard where there is a cache
  return {
    device: decoder.device,
    takesRuns: decoder.takesRuns ?? false,
    ...(decoder.kvCacheDtype && { kvCacheDtype: decoder.kvCacheDtype }),
    run: (feeds, outputs) => decoder.run(feeds, outputs),
    withCache: (shape) => withCache(decoder, shape, prefill),
    close: async () => {
      const opened = await prefill.catch(() => undefined);
      await opened?.close();
      await decoder.close();
    },
  };
}
