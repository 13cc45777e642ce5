/**
 * Checkpoint → packed model, in one streaming pass. The result is in a cache folder whose name is a digest of the
 * checkpoint's content, the plan and the printed graphs, so a second start finds it and any change makes another.
 * The folder appears whole or not at all.
 */
import { invariant, OcellusError } from "../base/index.js";
import { type Adapter, type Checkpoint, checkpointDigest, openCheckpoint } from "../checkpoint/index.js";
import {
  baseName,
  cacheRoot,
  copyInto,
  createFolderAtomically,
  joinPath,
  listFolder,
  partDigests,
  pathExists,
  readSideJson,
  refuseAround,
  textDigest,
  writeFileAtomically,
} from "../fs/index.js";
import { type ExternalLocation, encodeOnnx, type Graph, printGraph } from "../graph/index.js";
import type { AnyFamily, FamilyView } from "../models/index.js";
import { type StoredMatrices, type WeightsSource, withStored } from "../quantize/index.js";
import { type FileList, partBytes, shardBytes } from "../storage/web/index.js";
import { type Embedding, entriesOf, layoutOf } from "./layout.js";
import { type PackedManifest, packedFiles, packVersion } from "./manifest.js";
import { describeStored } from "./open-weights.js";
import type { PackingPlan } from "./plan.js";
import { planGraphs, readModel } from "./read-model.js";
import { withAdapter } from "./with-adapter.js";
import { type PackProgress, writeWeights } from "./write-weights.js";

export interface PackOptions {
  readonly plan: PackingPlan;
  /** What of the checkpoint. Default: as `familyOf`. */
  readonly view?: FamilyView;
  /** Where to put the packed model; default: the cache, keyed by content. */
  readonly into?: string;
  /** Merged into the weights. */
  readonly adapter?: Adapter;
  /** Pack again even if the cache has it. */
  readonly force?: boolean;
  /** For pages: weights in shards that browsers can hold, and the digests of all files in packed.json. */
  readonly forWeb?: boolean;
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
  const model = await readModel(checkpoint, options.view);
  const { family, weights } = model;
  const { plan, round, rewrite = (graph: Graph) => graph } = options;
  invariant((round === undefined) === (plan.calibration === undefined), "a calibrated plan comes with its rounding");
  const graphs = Object.values(planGraphs(model, plan)).map(rewrite);
  const digest = await checkpointDigest(checkpoint);
  const notes = [...model.notes, ...describeStored(graphs, weights)];
  const { embedding, entries } = layoutOf(model, graphs, plan);
  const contents = [digest, JSON.stringify(embedding), ...calibrationOf(plan), ...graphs.map(printGraph)];
  if (options.forWeb) contents.push(`web ${shardBytes} ${partBytes}`);
  const target = options.into ?? cachePath(checkpoint, contents, plan);
  if (options.into && options.force) refuseAround(checkpoint.path, options.into);
  const isPacked = async () => (await isPackedFolder(target, options)) && !options.force;
  if (await isPacked()) return { path: target, written: false, notes };
  let written = false;
  const write = async (from: WeightsSource) => {
    await createFolderAtomically(target, options.force ?? false, async (folder) => {
      const shards = options.forWeb ? { shardBytes } : {};
      const locate = await writeWeights(folder, entries, from, { ...options, ...shards });
      for (const name of await checkpoint.sideFiles()) await copyInto(folder, joinPath(checkpoint.path, name));
      const files = options.forWeb ? { files: await listFiles(folder) } : {};
      for (const graph of graphs) await encodeGraph(graph, joinPath(folder, packedFiles.graph(graph.name)), locate);
      await writeFileAtomically(
        joinPath(folder, packedFiles.manifest),
        `${JSON.stringify({ ...manifestOf(family, plan, digest, embedding), ...files }, null, 2)}\n`,
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
  await encodeGraph(graph, path, await writeWeights(folder, entriesOf(graph), weights, { signal }));
  return path;
}

async function encodeGraph(graph: Graph, path: string, locate: (name: string) => ExternalLocation): Promise<void> {
  await writeFileAtomically(path, encodeOnnx(graph, locate));
}

/** What pages fetch: weights and side files. They build the graphs themselves, by what the weights hold. */
async function listFiles(folder: string): Promise<FileList> {
  const names = (await listFolder(folder)).sort();
  const list: FileList["list"] = [];
  for (const name of names) list.push({ name, ...(await partDigests(joinPath(folder, name), partBytes)) });
  return { version: 1, part_bytes: partBytes, list };
}

/** False: nothing is there. A folder that is somebody else's is neither used nor replaced. */
async function isPackedFolder(target: string, { forWeb, force }: PackOptions): Promise<boolean> {
  if (!(await pathExists(target))) return false;
  if (await pathExists(joinPath(target, packedFiles.manifest))) {
    if (forWeb && !force) await expectFileList(target);
    return true;
  }
  throw new OcellusError("invalid_request", `${target} exists and is not a packed model; name another folder`, {
    details: { path: target },
  });
}

/** @throws `invalid_request` for a model that was packed for Node. */
async function expectFileList(target: string): Promise<void> {
  const manifest = (await readSideJson(target, packedFiles.manifest)) as { files?: unknown } | null | undefined;
  if (manifest?.files !== undefined) return;
  throw new OcellusError(
    "invalid_request",
    `${target} exists and was not packed for the web; pack again with --force, or name another folder`,
    { details: { path: target, field: "files" } },
  );
}

/** @param contents what decides on the content of the folder. */
function cachePath(checkpoint: Checkpoint, contents: readonly string[], plan: PackingPlan): string {
  const key = textDigest([packVersion, ...contents].join("\n")).slice(0, 16);
  return joinPath(cacheRoot(), "packed", `${baseName(checkpoint.path)}-${plan.weights}-${key}`);
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
    ...(family.view && { view: family.view }),
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
