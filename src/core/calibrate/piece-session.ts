/** One piece of a decoder, opened: all sequences go through it, one after another. */
import { type DeviceTensor, type Feeds, float32, GraphSession } from "../backend/index.js";
import { withTemporaryFolder } from "../fs/index.js";
import type { Graph, Value } from "../graph/index.js";
import { writeGraph } from "../pack/index.js";
import type { WeightsSource } from "../quantize/index.js";
import type { Sequence } from "./sequences.js";

export interface PieceOptions {
  readonly weights: WeightsSource;
  readonly signal?: AbortSignal | undefined;
}

/** @param hidden what carries the sequence into the piece; @param more inputs that no sequence has */
export type RunPiece = (
  sequence: Sequence,
  hidden: Float32Array,
  more?: Feeds,
) => Promise<Readonly<Record<string, DeviceTensor>>>;

/** Writes the piece and its weights into the cache for as long as `body` runs it. */
export async function withPiece<T>(
  graph: Graph,
  { weights, signal }: PieceOptions,
  body: (run: RunPiece) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder("calibration-piece", async (folder) => {
    const session = await GraphSession.open(await writeGraph(graph, weights, folder, signal), { device: "cpu" });
    const wanted = Object.fromEntries(graph.outputs.map(({ name }) => [name, null]));
    try {
      return await body((sequence, hidden, more) => session.run(feedsOf(graph, sequence, hidden, more), wanted));
    } finally {
      await session.close();
    }
  });
}

/** The first input is what carries the sequence; caches and states are empty. */
export function feedsOf(
  { inputs }: Graph,
  { numTokens, feeds }: Sequence,
  hidden: Float32Array,
  more: Feeds = {},
): Feeds {
  const [carried, ...others] = inputs;
  const given: Feeds = { ...feeds, ...more };
  const columns = hidden.length / numTokens;
  return {
    [carried!.name]: float32(hidden, [1, numTokens, columns]),
    ...Object.fromEntries(others.map((input) => [input.name, given[input.name] ?? emptyPast(input, numTokens)])),
  };
}

function emptyPast({ shape }: Value, numTokens: number): DeviceTensor {
  const dims = shape.map((size) => (size === "batch" ? 1 : size === "capacity" ? numTokens : (size as number)));
  return float32(new Float32Array(dims.reduce((product, size) => product * size, 1)), dims);
}
