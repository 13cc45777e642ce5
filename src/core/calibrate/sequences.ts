/**
 * A calibration set as the decoder gets it: embeddings with the visual features in their places, rotary angles. The model is
 * packed without its decoder for that, whose layers come later, piece by piece.
 */
import { type Feeds, float32, type Graph, GraphSession, int32, int64 } from "../backend/index.js";
import { invariant, throwIfAborted } from "../base/index.js";
import type { Graph as GraphModel } from "../graph/index.js";
import { type PackedModel, type PackOptions, pack } from "../pack/index.js";
import { image, loadWith, type PreparedChat, type VisionLanguageModel } from "../runtime/index.js";
import type { CalibrationSet } from "./calibration-set.js";

/** One text or conversation. */
export interface Sequence {
  readonly numTokens: number;
  /** What carries it through the layers [1, numTokens, hidden_size], as far as they are rounded: first the embeddings. */
  hidden: Float32Array;
  /** The same in the float model. */
  exact: Float32Array;
  /** The other inputs of the decoder's graph, but for the cache. */
  readonly feeds: Feeds;
}

/** Tokens of one piece of text: the statistics of long contexts hardly differ, and attention stays cheap. */
const windowTokens = 512;
/** Of all sequences: their hidden states are in memory at once, twice 403 MB of 4,096 columns. */
const maxTokens = 24_576;
/** What is asked about each image. */
const question = "Describe this image in detail.";

export interface SequenceOptions extends Pick<PackOptions, "plan" | "adapter" | "signal"> {
  /** For the packed parts. */
  readonly into: string;
}

/** Images first. @throws what packing and reading images throw; `unsupported` for images where the model reads none. */
export async function sequencesOf(path: string, set: CalibrationSet, options: SequenceOptions): Promise<Sequence[]> {
  const { into, signal, adapter } = options;
  const plan = { ...options.plan, prefillWeights: "same" as const };
  await pack(path, { plan, into, rewrite: withoutDecoder, ...(adapter && { adapter }), ...(signal && { signal }) });
  return readSequences(into, set, signal);
}

/** Of a packed model, whose decoder stays closed. @throws as `sequencesOf` */
export async function readSequences(path: string, set: CalibrationSet, signal?: AbortSignal): Promise<Sequence[]> {
  let packed: PackedModel | undefined;
  const open = (found: PackedModel, name: string, session: Parameters<typeof GraphSession.open>[1]) => {
    packed = found;
    return name === "decoder" ? Promise.resolve(noDecoder) : GraphSession.open(found.graphPath(name), session);
  };
  const memory = { encoderCacheBytes: 0, prefixCacheBytes: 0 };
  const options = { device: "cpu", maxSequences: 1, memory, ...(signal && { signal }) } as const;
  const model = await loadWith(open, path, options);
  try {
    return await readAll(model, packed!, set, signal);
  } finally {
    await model.close();
  }
}

function withoutDecoder(graph: GraphModel): GraphModel {
  return graph.name === "decoder" ? { ...graph, inputs: [], outputs: [], nodes: [], initializers: [] } : graph;
}

const noDecoder: Graph = {
  device: "cpu",
  run: () => invariant(false, "prompts are prepared, not run") as never,
  close: async () => {},
};

async function readAll(
  model: VisionLanguageModel,
  packed: PackedModel,
  { texts, images }: CalibrationSet,
  signal: AbortSignal | undefined,
): Promise<Sequence[]> {
  const found: Sequence[] = [];
  let left = maxTokens;
  const add = async (prepared: PreparedChat) => {
    throwIfAborted(signal);
    found.push(await sequenceOf(packed, prepared));
    left -= found.at(-1)!.numTokens;
  };
  const share = images.length === 0 ? left : left / 2;
  for (const file of images) {
    if (left <= maxTokens - share) break;
    await add(await model.prepare([{ role: "user", content: [image(file), question] }]));
  }
  for (const ids of windowsOf(
    texts.map((text) => model.tokenizer.encode(text)),
    left,
  ))
    await add(await model.prepareText(ids));
  return found;
}

/** At most `count` tokens, evenly from all texts, in windows; a window of one token would teach nothing of attention. */
function* windowsOf(texts: readonly (readonly number[])[], count: number): Generator<number[]> {
  const total = texts.reduce((sum, ids) => sum + ids.length, 0);
  const step = Math.max(1, total / Math.max(1, count));
  for (const ids of texts) {
    const windows = Math.ceil(ids.length / windowTokens);
    for (let n = 0; n < windows; n += step) {
      const start = Math.floor(n) * windowTokens;
      const window = ids.slice(start, start + windowTokens);
      if (window.length > 1) yield window;
    }
  }
}

async function sequenceOf(packed: PackedModel, { promptIds, inputs }: PreparedChat): Promise<Sequence> {
  const { family, config, embedding } = packed;
  const { hiddenSize } = family.dimensions(config);
  const numTokens = promptIds.length;
  const shape = [1, numTokens, hiddenSize];
  const hidden = new Float32Array(numTokens * hiddenSize);
  await embedding.read(Array.from(promptIds), hidden, 0);
  const layers = Array.from({ length: family.numDeepstack(config) }, () => new Float32Array(hidden.length));
  for (const { start, tokens, deepstack } of inputs.images) {
    hidden.set(tokens, start * hiddenSize);
    for (const [n, layer] of layers.entries()) layer.set(deepstack[n]!, start * hiddenSize);
  }
  const { cos, sin } = family.rotary(config, { start: 0, count: numTokens, positions: inputs.positions });
  const feeds = {
    ...Object.fromEntries(layers.map((layer, n) => [`deepstack.${n}`, float32(layer, shape)])),
    cos: float32(cos, [numTokens, cos.length / numTokens]),
    sin: float32(sin, [numTokens, sin.length / numTokens]),
    position_ids: int64(
      Array.from({ length: numTokens }, (_, i) => i),
      [1, numTokens],
    ),
    seqlens_k: int32([numTokens - 1]),
    total_sequence_length: int32([numTokens], []),
  };
  return { numTokens, hidden, exact: hidden, feeds };
}
