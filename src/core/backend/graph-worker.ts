/** The script of a graph thread: opens one graph, then runs it as it is told, one call at a time. See graph-thread.ts. */
import { invariant } from "../base/index.js";
import type { KvValues } from "../tensor/index.js";
import { serve } from "../worker/index.js";
import { withCache, withPrefill } from "./cached-graph.js";
import type { CachedGraph, DecoderGraph, Graph, Results } from "./graph.js";
import { GraphSession, type SessionOptions } from "./session.js";
import type { CacheLengths, KvCacheShape, SlotRun, StepLengths } from "./slot-cache.js";
import { type PlainTensors, plain, tensor } from "./tensors.js";

export interface ThreadOptions {
  /** The model, or the file that holds it. */
  readonly model: string | Uint8Array;
  /** A second graph over the first one's cache. */
  readonly prefill?: string | Uint8Array | undefined;
  readonly options: SessionOptions;
}

function methodsOf({ model, prefill, options }: ThreadOptions) {
  const opened = open(model, prefill, options);
  opened.catch(() => {}); // `opened` says why; unheard until that call comes, it would end the thread
  let cached: CachedGraph | undefined;
  const answer = (results: Results) => ({
    results: plain(results),
    cacheBytes: cached?.bytes ?? 0,
    prefillFault: cached?.prefillFault,
  });
  return {
    opened: async () => (await opened).takesRuns ?? false,
    async run(feeds: PlainTensors, outputs: readonly string[]) {
      const session = await opened;
      return answer(await session.run(tensors(feeds), Object.fromEntries(outputs.map((name) => [name, null]))));
    },
    async cache(shape: KvCacheShape) {
      cached = withCache(await opened, shape);
      return answer({});
    },
    async step(
      feeds: PlainTensors,
      slots: SlotRun,
      lengths: StepLengths,
      outputs: readonly string[],
      by?: DecoderGraph,
    ) {
      invariant(cached, "a step needs a cache");
      return answer(pick(await cached.step(tensors(feeds), slots, lengths, outputs, by), outputs));
    },
    async save(slot: number, start: number, count: number) {
      invariant(cached?.save, "saving needs a cache in memory");
      return cached.save(slot, start, count);
    },
    async restore(slot: number, start: number, count: number, values: KvValues, lengths: CacheLengths) {
      invariant(cached?.restore, "restoring needs a cache in memory");
      await cached.restore(slot, start, count, values, lengths);
      return answer({});
    },
    async saveStates(slot: number) {
      invariant(cached?.saveStates, "saving states needs layers that keep such");
      return cached.saveStates(slot);
    },
    async restoreStates(slot: number, values: Float32Array) {
      invariant(cached?.restoreStates, "restoring states needs layers that keep such");
      await cached.restoreStates(slot, values);
    },
    async close() {
      await cached?.close();
      await (await opened).close();
    },
  };
}

/** The decoder is ready to answer `opened`; the graph that reads prompts opens behind it, while an image is being encoded. */
async function open(model: ThreadOptions["model"], prefill: ThreadOptions["prefill"], options: SessionOptions) {
  const graph: Graph = await GraphSession.open(model, options);
  return prefill === undefined ? graph : withPrefill(graph, GraphSession.open(prefill, options));
}

export type GraphMethods = ReturnType<typeof methodsOf>;

function tensors(feeds: PlainTensors): Results {
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)]));
}

/** The cache's own buffers stay here. */
function pick(results: Results, names: readonly string[]): Results {
  return Object.fromEntries(names.map((name) => [name, results[name]!]));
}

serve(methodsOf);
