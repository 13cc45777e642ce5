/** One picture through the vision graph: what it gives the decoder and, when asked, where it looked. */

import { float32, type Graph, int32, int64 } from "../backend/portable.js";
import { invariant, joinFloats, throwIfAborted } from "../base/index.js";
import { withAttention } from "../graph/index.js";
import type { SeenImage } from "../image/loaded/index.js";
import { batchesOf, type PixelValues, wholeOf } from "../image/spec/index.js";
import { type HostInput, numRows, type TokenSpan } from "../models/index.js";
import { encodeStored, type PackedModel, storedGraphs } from "../pack/portable.js";
import type { PromptImage } from "../processor/portable.js";
import { checkNumbers } from "./finite.js";
import type { ImageFeatures, PlacedImage } from "./sequence-inputs.js";

export interface EncodedImage {
  /** What the decoder reads in the picture's place: [num_tokens, hidden_size]. */
  readonly visualTokens: Float32Array;
  /** Added to the output of decoder layer 0, 1, … in the picture's place: each [num_tokens, hidden_size]. */
  readonly deepstack: readonly Float32Array[];
  /** Further outputs of the family's vision graph, by name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** What the decoder reads of them. */
export function imageFeatures(outputs: Readonly<Record<string, Float32Array>>, numDeepstack: number): ImageFeatures {
  const deepstack = Array.from({ length: numDeepstack }, (_, i) => outputs[`deepstack.${i}`]!);
  return { tokens: outputs.visual_tokens!, deepstack };
}

/** The rows of an image at the spans of the prompt that are theirs. */
export function placed(spans: readonly TokenSpan[], { tokens, deepstack }: ImageFeatures): PlacedImage[] {
  const width = tokens.length / numRows({ spans });
  let row = 0;
  return spans.map((span) => {
    const [from, to] = [row * width, (row + span.numTokens) * width];
    row += span.numTokens;
    return {
      ...span,
      tokens: tokens.subarray(from, to),
      deepstack: deepstack.map((layer) => layer.subarray(from, to)),
    };
  });
}

export async function encodeImage(session: Graph, model: PackedModel, pixels: PixelValues): Promise<EncodedImage> {
  const { family, config } = model;
  const names = ["visual_tokens", ...imageSideOf(model).extraOutputs(config)];
  const results: Awaited<ReturnType<typeof runVision>>[] = [];
  for (const batch of batchesOf(pixels)) results.push(await runVision(session, model, batch, names));
  const joined = (name: string) => joinFloats(results.map((result) => result[name]!.data as Float32Array));
  const outputs = Object.fromEntries(names.map((name) => [name, joined(name)]));
  const { tokens: visualTokens, deepstack } = imageFeatures(outputs, family.numDeepstack(config));
  return { visualTokens, deepstack, outputs };
}

/** The mean over a picture's patches where the graph gives them, else over its visual tokens; length one. */
export function pooledVector(
  outputs: Readonly<Record<string, Float32Array>>,
  { grid, spans }: Pick<PromptImage, "grid" | "spans">,
): Float32Array {
  const { vision_features: patches, visual_tokens: tokens } = outputs;
  const values = patches ?? tokens!;
  const dimensions = values.length / (patches ? grid.rows * grid.columns : numRows({ spans }));
  const sum = new Float32Array(dimensions);
  for (let i = 0; i < values.length; i++) sum[i % dimensions]! += values[i]!;
  return unit(sum);
}

/** The same direction with length one. @throws `internal` when it holds NaN */
export function unit(vector: Float32Array): Float32Array {
  checkNumbers(vector, "a vector");
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => x / length);
}

/** What learned queries of the vision encoder weigh the patches of a picture by, in one layer. */
export interface QueryAttention {
  /** The node of the vision graph. */
  readonly node: string;
  readonly numHeads: number;
  readonly numQueries: number;
  /** Patches in raster order and then, in some families, the queries themselves. */
  readonly numKeys: number;
  /** [numHeads, numQueries, numKeys]; each row sums to one. */
  readonly probabilities: Float32Array;
}

/** Opens a graph over the weights of a packed model, on the CPU. */
export type OpenHere = (model: Uint8Array) => Promise<Graph>;

/**
 * Where the queries looked in each picture, layer by layer: the vision graph with their attention as further outputs, over
 * the packed weights, on the CPU, whose kernel alone has them. Empty for a vision encoder whose tokens each have their place.
 */
export async function lookAgain(
  images: readonly Pick<SeenImage, "pixels">[],
  model: PackedModel,
  { open, signal }: { readonly open: OpenHere; readonly signal?: AbortSignal | undefined },
): Promise<QueryAttention[][]> {
  const nodes = model.family.image?.queryAttention?.(model.config) ?? [];
  if (nodes.length === 0) return images.map(() => []);
  const graph = encodeStored(withAttention(storedGraphs(model).vision!, nodes), model);
  const session = await open(graph);
  try {
    const looks: QueryAttention[][] = [];
    for (const { pixels } of images) {
      throwIfAborted(signal);
      looks.push(await look(session, model, await pixels(), nodes));
    }
    return looks;
  } finally {
    await session.close();
  }
}

/** At the whole picture; what is in its slices or quarters is not shown. */
async function look(session: Graph, model: PackedModel, pixels: PixelValues, nodes: readonly string[]) {
  const outputs = nodes.map((node) => `${node}.probabilities`);
  const results = await runVision(session, model, batchesOf(pixels).at(wholeOf(pixels.grid))!, outputs);
  return nodes.map((node, i): QueryAttention => {
    const { data, dims } = results[outputs[i]!]!;
    const [, numHeads, numQueries, numKeys] = dims as [number, number, number, number];
    return { node, numHeads, numQueries, numKeys, probabilities: data as Float32Array };
  });
}

function imageSideOf({ family }: PackedModel) {
  invariant(family.image, "only a family with a vision encoder reads images");
  return family.image;
}

/** One batch of views of one shape. */
function runVision(session: Graph, model: PackedModel, pixels: PixelValues, outputs: readonly string[]) {
  const feeds = feedsOf(imageSideOf(model).inputs(model.config, pixels));
  return session.run(feeds, Object.fromEntries(outputs.map((name) => [name, null])));
}

/** A family's inputs as a graph takes them. */
export function feedsOf(inputs: Readonly<Record<string, HostInput>>) {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(input)]));
}

function tensorOf(input: HostInput) {
  if (input.dtype === "f32") return float32(input.data, input.shape);
  return (input.dtype === "i32" ? int32 : int64)(input.data, input.shape);
}
