/** What is in the packed weights file, in its order, and where the host finds token embeddings there. */
import { invariant } from "../base/index.js";
import {
  checkpointCatalog,
  type Graph,
  GraphBuilder,
  type Initializer,
  type WeightPart,
  type WeightSource,
} from "../graph/index.js";
import type { LanguageFamily } from "../models/index.js";
import { byteLength, type TensorInfo } from "../tensor/index.js";
import type { PackedManifest } from "./manifest.js";
import { storedFormatOf } from "./open-weights.js";
import type { PackingPlan } from "./plan.js";
import { planGraphs, type SourceModel } from "./read-model.js";

/** One tensor of the packed weights file. Scales of a matrix follow their `values` at once: both come from one pass. */
export interface Entry {
  readonly info: TensorInfo;
  readonly source: WeightSource | "raw";
}

/** Where the host finds token embeddings. */
export type Embedding = NonNullable<PackedManifest["embedding"]>;

export interface Layout {
  readonly entries: readonly Entry[];
  /** Of models that write text. */
  readonly embedding?: Embedding;
}

export function layoutOf(model: SourceModel, graphs: readonly Graph[], plan: PackingPlan): Layout {
  const { family } = model;
  const all = graphs.flatMap((graph) => graph.initializers);
  const initializers = [...new Map(all.map((each) => [each.value.name, each])).values()]; // norms are in both decoder graphs
  const entries = initializers.flatMap(entryOf);
  if (family.kind !== "language") return { entries: inOrder(entries) };
  const tied = initializers.filter(({ source }) => "tensors" in source && source.tensors[0] === family.embedTokens);
  if (tied.length > 0) return { embedding: embeddingIn(tied), entries: inOrder(entries) };
  const table = untiedTable(family, model, plan);
  return { embedding: table.embedding, entries: inOrder([...entries, ...table.entries]) };
}

/** Bytes of all weights that packing by this plan would write; only headers are read. */
export function plannedBytes(model: SourceModel, plan: PackingPlan): number {
  const { entries } = layoutOf(model, Object.values(planGraphs(model, plan)), plan);
  return entries.reduce((sum, { info }) => sum + byteLength(info.dtype, info.shape), 0);
}

/**
 * A table that no graph multiplies by is written beside them, for the host alone: in blocks if the plan says so, else in the
 * checkpoint's own dtype, since rows are widened one by one as they are read.
 */
function untiedTable(family: LanguageFamily, model: SourceModel, plan: PackingPlan) {
  const { config, weights } = model;
  const table = family.embedTokens;
  const { hiddenSize, vocabSize } = family.dimensions(config);
  const format = storedFormatOf(plan, table, model);
  const builder = new GraphBuilder(
    "embedding",
    checkpointCatalog(weights, () => format),
  );
  builder.root.matrix([table.replace(/\.weight$/, "")], [vocabSize], hiddenSize);
  if (!("blockSize" in format)) {
    const entry: Entry = { info: weights.info(table)!, source: "raw" };
    return { embedding: { tensor: table, format: "plain" } as const, entries: [entry] };
  }
  const { initializers } = builder.build();
  return { embedding: embeddingIn(initializers), entries: initializers.flatMap(entryOf) };
}

/** Among the parts of the stored matrix. */
function embeddingIn(parts: readonly Initializer[]): Embedding {
  const { format } = parts[0]!.source as WeightSource;
  const name = (wanted: WeightPart) =>
    parts.find(({ source }) => "part" in source && source.part === wanted)?.value.name;
  const tensor = name("values")!;
  if (format.kind === "f32" || format.kind === "f16") return { tensor, format: "plain" };
  invariant("blockSize" in format && format.kind !== "nf4", "rows of the token table are read one by one");
  const zeroPoints = name("zero_points");
  return {
    ...{ tensor, format: format.kind, block_size: format.blockSize, scales: name("scales")! },
    ...(zeroPoints !== undefined && { zero_points: zeroPoints }),
  };
}

/** Two-byte tensors last, so that every four-byte one starts on a multiple of four. */
function inOrder(entries: Entry[]): Entry[] {
  const narrow = (e: Entry) => (e.info.dtype === "f16" || e.info.dtype === "bf16" ? 1 : 0);
  return entries.sort((a, b) => narrow(a) - narrow(b));
}

/** What a graph reads of a weights file of its own. */
export function entriesOf({ initializers }: Graph): Entry[] {
  return inOrder(initializers.flatMap(entryOf));
}

function entryOf({ value, source }: Initializer): Entry[] {
  if ("bytes" in source) return [];
  return [{ info: { name: value.name, dtype: value.dtype, shape: value.shape as number[] }, source }];
}
