/** Runs a graph once, and what finite differences say its gradients are. */
import { expect } from "vitest";
import { type DeviceTensor, type Feeds, float32, GraphSession, int32, int64 } from "../backend/index.js";
import { encodeOnnx, type Graph, GraphBuilder, recordingCatalog, type Value } from "../graph/index.js";

export function built(build: (builder: GraphBuilder) => void): Graph {
  const builder = new GraphBuilder(
    "graph",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  build(builder);
  return builder.build();
}

export async function opened(graph: Graph) {
  const session = await GraphSession.open(
    encodeOnnx(graph, () => expect.fail("weights are inputs")),
    { device: "cpu", threads: 1 },
  );
  const wanted = Object.fromEntries(graph.outputs.map(({ name }) => [name, null]));
  const names = graph.inputs.map(({ name }) => name);
  return {
    /** Of the inputs that the graph has. */
    run: (feeds: Feeds) => session.run(Object.fromEntries(names.map((name) => [name, feeds[name]!])), wanted),
    close: () => session.close(),
  };
}

export async function runOnce(graph: Graph, feeds: Feeds): Promise<Record<string, DeviceTensor>> {
  const session = await opened(graph);
  const results = await session.run(feeds);
  await session.close();
  return results;
}

/** Numbers between -1 and 1, the same for the same seed. [mulberry32] */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

export function drawn(count: number, next: () => number): Float32Array {
  return Float32Array.from({ length: count }, next);
}

/** Sizes of names in tests. */
export type Sizes = Readonly<Record<string, number>>;

export function dimsOf({ shape }: Value, sizes: Sizes): number[] {
  return shape.map((size) => (typeof size === "number" ? size : sizes[size]!));
}

export function drawnTensor(value: Value, sizes: Sizes, next: () => number): DeviceTensor {
  const dims = dimsOf(value, sizes);
  return float32(
    drawn(
      dims.reduce((a, b) => a * b, 1),
      next,
    ),
    dims,
  );
}

export { float32, int32, int64 };
