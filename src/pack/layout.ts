/** What lies in the packed weights file, in its order, and where the host finds token embeddings there. */
import { invariant } from "../base/index.js";
import type { Graph, Initializer, WeightSource } from "../graph/index.js";
import type { LanguageFamily } from "../models/index.js";
import type { WeightsSource } from "../quantize/index.js";
import { byteLength, expectShape, type TensorInfo } from "../tensor/index.js";
import type { PackedManifest } from "./manifest.js";
import type { PackingPlan } from "./plan.js";
import { planGraphs, type SourceModel } from "./read-model.js";

/** One tensor of the packed weights file. Scales of a matrix follow their `values` at once: both come from one pass. */
export interface Entry {
  readonly info: TensorInfo;
  readonly source: WeightSource | "raw";
}

/** Where the host finds token embeddings; `raw` when the table is in no graph and must be written beside them. */
export type Embedding = NonNullable<PackedManifest["embedding"]> & { readonly raw: boolean };

/** Tied: the head's own stored matrix. Untied: the table itself, in the checkpoint's own dtype. */
function embeddingSource(
  family: LanguageFamily,
  config: unknown,
  graphs: readonly Graph[],
  weights: WeightsSource,
): Embedding {
  const table = family.embedTokens;
  const initializers = graphs.flatMap((graph) => graph.initializers);
  const stored = initializers.filter((i) => "tensors" in i.source && i.source.tensors[0] === table);
  if (stored.length === 0) {
    const { hiddenSize, vocabSize } = family.dimensions(config);
    expectShape(weights.info(table) ?? { name: table, dtype: "f32", shape: [] }, [vocabSize, hiddenSize]);
    return { tensor: table, format: "plain", raw: true };
  }
  const { format } = stored[0]!.source as WeightSource;
  if (format.kind === "f32" || format.kind === "f16")
    return { tensor: stored[0]!.value.name, format: "plain", raw: false };
  invariant(format.kind === "int8", "the token embedding table keeps eight bits");
  return {
    tensor: stored[0]!.value.name,
    scales: stored[1]!.value.name,
    format: "int8",
    block_size: format.blockSize,
    raw: false,
  };
}

export interface Layout {
  readonly entries: readonly Entry[];
  /** Of models that write text. */
  readonly embedding?: Embedding;
}

export function layoutOf({ family, config, weights }: SourceModel, graphs: readonly Graph[]): Layout {
  if (family.kind !== "language") return { entries: planWeights(graphs, weights, undefined) };
  const embedding = embeddingSource(family, config, graphs, weights);
  return { embedding, entries: planWeights(graphs, weights, embedding) };
}

/** Bytes of all weights that packing by this plan would write; only headers are read. */
export function plannedBytes(model: SourceModel, plan: PackingPlan): number {
  const { entries } = layoutOf(model, Object.values(planGraphs(model, plan)));
  return entries.reduce((sum, { info }) => sum + byteLength(info.dtype, info.shape), 0);
}

function planWeights(graphs: readonly Graph[], weights: WeightsSource, embedding: Embedding | undefined): Entry[] {
  const entries = graphs.flatMap((graph) => graph.initializers.flatMap(entryOf));
  if (embedding?.raw) entries.push({ info: weights.info(embedding.tensor)!, source: "raw" });
  // Two-byte tensors last, so that every four-byte one starts on a multiple of four.
  const narrow = (e: Entry) => (e.info.dtype === "f16" || e.info.dtype === "bf16" ? 1 : 0);
  return entries.sort((a, b) => narrow(a) - narrow(b));
}

function entryOf({ value, source }: Initializer): Entry[] {
  if ("bytes" in source) return [];
  return [{ info: { name: value.name, dtype: value.dtype, shape: value.shape as number[] }, source }];
}
