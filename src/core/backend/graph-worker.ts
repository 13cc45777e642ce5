/** The script of a graph thread: opens one graph, then runs it as it is told, one task at a time. See graph-thread.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { invariant, OcellusError } from "../base/index.js";
import { withCache } from "./cached-graph.js";
import type { CachedGraph, Results } from "./graph.js";
import type { Answer, PlainTensor, Task, ThreadOptions } from "./graph-thread.js";
import { float32, GraphSession, tensor } from "./session.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;
const { model, options } = workerData as ThreadOptions;
const opened = GraphSession.open(model, options);
let cached: CachedGraph | undefined;

async function work(task: Task): Promise<Results> {
  const session = await opened;
  switch (task.kind) {
    case "cache":
      cached = withCache(session, task.shape);
      return {};
    case "run":
      return session.run(tensors(task.feeds), Object.fromEntries(task.outputs.map((name) => [name, null])));
    case "step":
      invariant(cached, "a step needs a cache");
      return pick(await cached.step(tensors(task.feeds), task.slots, task.room, task.outputs), task.outputs);
    case "save": {
      invariant(cached?.save, "saving needs a cache in memory");
      const values = await cached.save(task.slot, task.start, task.count);
      return { values: float32(values, [values.length]) };
    }
    case "restore":
      invariant(cached?.restore, "restoring needs a cache in memory");
      await cached.restore(task.slot, task.start, task.count, task.values, task.room);
      return {};
    case "close":
      await cached?.close();
      await session.close();
      return {};
    default:
      throw task satisfies never;
  }
}

async function answer(work: Promise<Results>): Promise<void> {
  try {
    const results = Object.entries(await work).map(
      ([name, { type, data, dims }]) => [name, { type, data, dims }] as const,
    );
    const buffers = results.map(([, { data }]) => (data as Float32Array).buffer as ArrayBuffer);
    post({ results: Object.fromEntries(results) }, buffers);
  } catch (error) {
    post({ failure: described(error) });
  }
}

function post(answer: Omit<Answer, "cacheBytes">, buffers: ArrayBuffer[] = []): void {
  port.postMessage({ ...answer, cacheBytes: cached?.bytes ?? 0 } satisfies Answer, buffers);
}

function tensors(feeds: Readonly<Record<string, PlainTensor>>): Results {
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)]));
}

/** The cache's own buffers stay here. */
function pick(results: Results, names: readonly string[]): Results {
  return Object.fromEntries(names.map((name) => [name, results[name]!]));
}

/** A class does not survive the way between threads. */
function described(error: unknown): NonNullable<Answer["failure"]> {
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  return { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}`, details: {} };
}

let last = answer(opened.then(() => ({})));
port.on("message", (task: Task) => {
  last = last.then(() => answer(work(task)));
});
