/**
 * How large what each matrix of a model is multiplied with is, channel by channel, while it answers: the graphs of an int8
 * packing with further outputs, so that what is measured is what runs. int8 stays within a hundredth of float32, and
 * an 8B model in it fits where one in float32 would not.
 */
import { joinPath, openCheckpoint, withTemporaryFile } from "../checkpoint/index.js";
import { encodeOnnx, type Graph, type Node, type Value } from "../graph/index.js";
import { type PackProgress, packedFiles, parsePlan, planGraphs, readModel } from "../pack/index.js";
import type { ChatMessage } from "../processor/index.js";
import { GraphSession } from "../session/index.js";
import { loadWith, type OpenGraph } from "./model.js";

export interface ActivationOptions {
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Σ x² of each input channel [columns] over all rows seen, by the first tensor of each matrix or stack of matrices. */
export type Energies = ReadonlyMap<string, Float32Array>;

/** Tokens answered to each conversation: what decoding sees is counted too. */
const maxTokens = 16;

/** Answers the conversations and measures meanwhile. @throws as `loadModel` and `chat`. */
export async function measureActivations(
  path: string,
  conversations: readonly (readonly ChatMessage[])[],
  { signal, onPackProgress, onProgress }: ActivationOptions = {},
): Promise<Energies> {
  const sums = new Map<string, Float32Array>();
  const aborting = { ...(signal && { signal }) };
  const options = { weights: "int8", device: "cpu", maxSequences: 1, ...aborting } as const;
  const model = await loadWith(await observing(path, sums), path, {
    ...options,
    ...(onPackProgress && { onPackProgress }),
  });
  try {
    for (const [i, conversation] of conversations.entries()) {
      await model.answer(conversation, { maxTokens, sampling: { temperature: 0 }, ...aborting });
      onProgress?.(i + 1, conversations.length);
    }
  } finally {
    await model.close();
  }
  return sums;
}

/** Opens the graphs of a packed model with taps whose values are added to `sums`. */
async function observing(path: string, sums: Map<string, Float32Array>): Promise<OpenGraph> {
  const checkpoint = await openCheckpoint(path);
  const source = await readModel(checkpoint).finally(() => checkpoint.close());
  const graphs = planGraphs(source, parsePlan("int8"));
  return async (packed, name, options) => {
    const { graph, taps } = tapped(graphs[name]!);
    const stored = await openCheckpoint(joinPath(packed.path, packedFiles.weights));
    const model = encodeOnnx(graph, (value) => ({ file: packedFiles.weights, offset: stored.locate(value).offset }));
    await stored.close();
    const take = (results: Readonly<Record<string, { data: unknown }>>) => {
      for (const [output, tensor] of taps) addTo(sums, tensor, results[output]!.data as Float32Array);
    };
    return withTemporaryFile(packed.graphPath(name), model, (file) =>
      GraphSession.open(file, { ...options, observe: { outputs: [...taps.keys()], take } }),
    );
  };
}

function addTo(sums: Map<string, Float32Array>, tensor: string, values: Float32Array): void {
  const sum = sums.get(tensor) ?? new Float32Array(values.length);
  for (const [k, value] of values.entries()) sum[k]! += value;
  sums.set(tensor, sum);
}

/** The graph with Σ x² of every matrix's input as outputs; which output is of which tensor. */
function tapped(graph: Graph): { graph: Graph; taps: ReadonlyMap<string, string> } {
  const matrices = new Map<string, string>();
  for (const { value, source } of graph.initializers)
    if ("tensors" in source && source.format.kind !== "f32") matrices.set(value.name, source.tensors[0]!);
  const products = graph.nodes.filter(({ inputs }) => matrices.has(inputs[1]?.name ?? ""));
  const taps = new Map(products.map(({ name, inputs }) => [`${name}.energy`, matrices.get(inputs[1]!.name)!]));
  const nodes = products.map(({ name, inputs }) => energyNode(`${name}.energy`, inputs[0]!));
  const outputs = [...graph.outputs, ...nodes.flatMap((node) => node.outputs)];
  return { graph: { ...graph, nodes: [...graph.nodes, ...nodes], outputs }, taps };
}

/** x [.., K] → Σ x² [K] */
function energyNode(name: string, x: Value): Node {
  const axes = x.shape.slice(1).map((_, i) => i);
  const outputs = [{ name, dtype: "f32", shape: x.shape.slice(-1) }] as const;
  return { name, op: "ReduceSumSquare", inputs: [x], outputs, attributes: { axes, keepdims: 0 } };
}
