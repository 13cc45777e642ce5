/**
 * Checkpoint → packed model, in one streaming pass. The result is in a cache folder whose name is a digest of the
 * checkpoint's content, the plan and the printed graphs, so a second start finds it and any change makes another.
 * The folder appears whole or not at all.
 */
import { invariant, OcellusError, throwIfAborted } from "../base/index.js";
import {
  type Adapter,
  type Checkpoint,
  checkpointDigest,
  createSafetensorsWriter,
  openCheckpoint,
  type SafetensorsWriter,
} from "../checkpoint/index.js";
import {
  baseName,
  cacheRoot,
  copyInto,
  createFolderAtomically,
  joinPath,
  pathExists,
  textDigest,
  writeFileAtomically,
} from "../fs/index.js";
import { encodeOnnx, type Graph, printGraph, type WeightSource } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import { type StoredMatrices, type WeightsSource, withStored } from "../quantize/index.js";
import { byteLength } from "../tensor/index.js";
import { type EncodedPiece, encodeWeights, plainPieces } from "./encode-weights.js";
import { type Embedding, type Entry, entriesOf, layoutOf } from "./layout.js";
import { type PackedManifest, packedFiles, packVersion } from "./manifest.js";
import { describeStored } from "./open-weights.js";
import type { PackingPlan } from "./plan.js";
import { planGraphs, readModel } from "./read-model.js";
import { withAdapter } from "./with-adapter.js";

export interface PackProgress {
  readonly tensor: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PackOptions {
  readonly plan: PackingPlan;
  /** Where to put the packed model; default: the cache, keyed by content. */
  readonly into?: string;
  /** Merged into the weights. */
  readonly adapter?: Adapter;
  /** Pack again even if the cache has it. */
  readonly force?: boolean;
  /** Of a plan with a `calibration`: makes the codes, if there is something to write. */
  readonly round?: (
    write: (codes: StoredMatrices) => Promise<void>,
    /** Whether another process has written it meanwhile. */
    isPacked: () => Promise<boolean>,
  ) => Promise<void>;
  /** @internal Changes the graphs; what their weights come from is written with the rest. With `into` only. */
  readonly rewrite?: (graph: Graph) => Graph;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

export interface PackResult {
  readonly path: string;
  /** False when it was there already. */
  readonly written: boolean;
  /** What a user should know about the checkpoint, in sentences. */
  readonly notes: readonly string[];
}

/** Packs the checkpoint in `path`, or finds it packed. @throws `unsupported`, `invalid_file`, `io` (a full disk). */
export async function pack(path: string, options: PackOptions): Promise<PackResult> {
  const checkpoint = await openCheckpoint(path);
  try {
    const { adapter } = options;
    return await packCheckpoint(adapter ? await withAdapter(checkpoint, adapter) : checkpoint, options);
  } finally {
    await checkpoint.close();
  }
}

async function packCheckpoint(checkpoint: Checkpoint, options: PackOptions): Promise<PackResult> {
  const model = await readModel(checkpoint);
  const { family, weights } = model;
  const { plan, round, rewrite = (graph: Graph) => graph } = options;
  invariant((round === undefined) === (plan.calibration === undefined), "a calibrated plan comes with its rounding");
  const graphs = Object.values(planGraphs(model, plan)).map(rewrite);
  const digest = await checkpointDigest(checkpoint);
  const notes = [...model.notes, ...describeStored(graphs, weights)];
  const { embedding, entries } = layoutOf(model, graphs, plan);
  const contents = [digest, JSON.stringify(embedding), ...calibrationOf(plan), ...graphs.map(printGraph)];
  const target = options.into ?? cachePath(checkpoint, contents, plan);
  const isPacked = async () => (await isPackedFolder(target)) && !options.force;
  if (await isPacked()) return { path: target, written: false, notes };
  let written = false;
  const write = async (from: WeightsSource) => {
    await createFolderAtomically(target, options.force ?? false, async (folder) => {
      const offsets = await writeWeights(joinPath(folder, packedFiles.weights), entries, from, options);
      for (const graph of graphs) await encodeGraph(graph, joinPath(folder, packedFiles.graph(graph.name)), offsets);
      for (const name of await checkpoint.sideFiles()) await copyInto(folder, joinPath(checkpoint.path, name));
      await writeFileAtomically(
        joinPath(folder, packedFiles.manifest),
        `${JSON.stringify(manifestOf(family, plan, digest, embedding), null, 2)}\n`,
      );
    });
    written = true;
  };
  await (round ? round((codes) => write(withStored(weights, codes)), isPacked) : write(weights));
  return { path: target, written, notes };
}

/** What the graphs do not show. */
function calibrationOf({ calibration }: PackingPlan): string[] {
  return calibration ? [JSON.stringify(calibration)] : [];
}

/** Writes one graph and its weights into a folder, alone; returns the graph's file. @throws `invalid_file`, `io`, `aborted` */
export async function writeGraph(
  graph: Graph,
  weights: WeightsSource,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const path = joinPath(folder, packedFiles.graph(graph.name));
  await encodeGraph(
    graph,
    path,
    await writeWeights(joinPath(folder, packedFiles.weights), entriesOf(graph), weights, { signal }),
  );
  return path;
}

async function encodeGraph(graph: Graph, path: string, offsets: (name: string) => number): Promise<void> {
  const model = encodeOnnx(graph, (name) => ({ file: packedFiles.weights, offset: offsets(name) }));
  await writeFileAtomically(path, model);
}

/** False: nothing is there. A folder that is somebody else's is neither used nor replaced. */
async function isPackedFolder(target: string): Promise<boolean> {
  if (!(await pathExists(target))) return false;
  if (await pathExists(joinPath(target, packedFiles.manifest))) return true;
  throw new OcellusError("invalid_request", `${target} exists and is not a packed model; name another folder`, {
    details: { path: target },
  });
}

/** @param contents what decides on the content of the folder. */
function cachePath(checkpoint: Checkpoint, contents: readonly string[], plan: PackingPlan): string {
  const key = textDigest([packVersion, ...contents].join("\n")).slice(0, 16);
  return joinPath(cacheRoot(), "packed", `${baseName(checkpoint.path)}-${plan.weights}-${key}`);
}

/** Streams all entries into the file; returns where each one starts. */
async function writeWeights(
  path: string,
  entries: readonly Entry[],
  weights: WeightsSource,
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: PackOptions["onProgress"] },
) {
  const writer = await createSafetensorsWriter(
    path,
    entries.map((e) => e.info),
  );
  const totalBytes = entries.reduce((sum, e) => sum + sourceBytes(e, weights), 0);
  let doneBytes = 0;
  const advance = (tensor: string, bytes: number) => {
    throwIfAborted(options.signal);
    doneBytes += bytes;
    options.onProgress?.({ tensor, doneBytes, totalBytes });
  };
  try {
    const held = new HeldParts();
    for (const entry of entries) {
      if (entry.source === "raw" || entry.source.part === "values") {
        await writeValues(writer, entry, weights, held, advance);
      } else for (const bytes of held.take(entry.source)) await writer.write(bytes);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return (name: string) => writer.offsetOf(name);
}

/** What came with the values of a matrix and is written right after them: scales, zero points. */
class HeldParts {
  readonly #pieces = new Map<string, Uint8Array[]>();

  keep({ tensor, parts }: EncodedPiece): void {
    for (const [part, bytes] of Object.entries(parts)) {
      const key = `${tensor} ${part}`;
      if (part !== "values") this.#pieces.set(key, [...(this.#pieces.get(key) ?? []), bytes]);
    }
  }

  take({ tensors, part }: WeightSource): Uint8Array[] {
    return tensors.flatMap((tensor) => {
      const pieces = this.#pieces.get(`${tensor} ${part}`) ?? [];
      this.#pieces.delete(`${tensor} ${part}`);
      return pieces;
    });
  }
}

/** Writes one tensor's values and holds what came with them. */
async function writeValues(
  writer: SafetensorsWriter,
  entry: Entry,
  weights: WeightsSource,
  held: HeldParts,
  advance: (tensor: string, bytes: number) => void,
): Promise<void> {
  if (entry.source === "raw") {
    for await (const bytes of plainPieces(weights, entry.info.name)) {
      await writer.write(bytes);
      advance(entry.info.name, bytes.byteLength);
    }
    return;
  }
  for await (const piece of encodeWeights(weights, entry.source.tensors, entry.source.format)) {
    if (piece.parts.values) await writer.write(piece.parts.values);
    held.keep(piece);
    advance(entry.info.name, piece.sourceBytes);
  }
}

function sourceBytes({ info, source }: Entry, weights: WeightsSource): number {
  if (source === "raw") return byteLength(info.dtype, info.shape);
  if (source.part !== "values") return 0;
  return source.tensors.reduce((sum, name) => {
    const tensor = weights.info(name)!;
    return sum + byteLength(tensor.dtype, tensor.shape);
  }, 0);
}

function manifestOf(
  family: AnyFamily,
  plan: PackingPlan,
  digest: string,
  embedding: Embedding | undefined,
): PackedManifest {
  return {
    pack_version: packVersion,
    model_type: family.modelType,
    weights: plan.weights,
    block_size: plan.blockSize,
    zero_points: plan.zeroPoints,
    vision_weights: plan.visionWeights,
    embedding_weights: plan.embeddingWeights,
    prefill_weights: family.kind === "language" ? plan.prefillWeights : "same",
    ...(plan.formats && { formats: Object.fromEntries(plan.formats) as NonNullable<PackedManifest["formats"]> }),
    ...(plan.calibration && { calibration: plan.calibration }),
    source_digest: digest,
    ...(embedding && { embedding }),
  };
}
