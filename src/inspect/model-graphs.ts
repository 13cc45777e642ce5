/**
 * The graphs of a model without packing it: of a packed model those it stores, of a checkpoint those that packing would
 * write, of a config alone those that its weights would get.
 */
import { OcellusError } from "../core/base/index.js";
import { type Checkpoint, openCheckpoint } from "../core/checkpoint/index.js";
import {
  baseName,
  createFolderAtomically,
  joinPath,
  pathExists,
  readSideJson,
  writeFileAtomically,
} from "../core/fs/index.js";
import { encodeOnnx, type Graph, recordingCatalog, withWeightsAsInputs } from "../core/graph/index.js";
import { familyOf } from "../core/models/index.js";
import {
  buildGraphs,
  formatOf,
  isPacked,
  openPackedAny,
  type PackingPlan,
  packedFiles,
  planGraphs,
  plannedMatrix,
  readModel,
  storedGraphs,
} from "../core/pack/index.js";

export interface ModelGraphs {
  readonly modelType: string;
  /** From the name of a graph to it. */
  readonly graphs: Readonly<Record<string, Graph>>;
  /** `checkpoint`: each weight is there, in its shape. `config`: no weights were seen. `packed`: the plan was not asked. */
  readonly source: "packed" | "checkpoint" | "config";
}

/**
 * Of a checkpoint folder, a packed model, a folder with config.json alone, or that file.
 * @throws `not_found`, `invalid_config`, `invalid_file` for a weight that is missing or misshapen, `unsupported`.
 */
export async function modelGraphs(path: string, plan: PackingPlan): Promise<ModelGraphs> {
  if (baseName(path) === "config.json") return configGraphs(joinPath(path, ".."), plan);
  const checkpoint = await openWeighted(path);
  if (!checkpoint) return configGraphs(path, plan);
  try {
    if (await isPacked(checkpoint)) return await packedGraphs(path);
    const model = await readModel(checkpoint);
    return { modelType: model.family.modelType, graphs: planGraphs(model, plan), source: "checkpoint" };
  } finally {
    await checkpoint.close();
  }
}

/** Undefined where weights are missing, all or some, and a config is there. */
async function openWeighted(path: string): Promise<Checkpoint | undefined> {
  try {
    return await openCheckpoint(path);
  } catch (error) {
    const isMissing = error instanceof OcellusError && error.code === "not_found";
    if (isMissing && (await pathExists(joinPath(path, "config.json")))) return undefined;
    throw error;
  }
}

async function packedGraphs(path: string): Promise<ModelGraphs> {
  const packed = await openPackedAny(path);
  try {
    return { modelType: packed.family.modelType, graphs: storedGraphs(packed), source: "packed" };
  } finally {
    await packed.close();
  }
}

async function configGraphs(folder: string, plan: PackingPlan): Promise<ModelGraphs> {
  const json = await readSideJson(folder, "config.json");
  const family = familyOf(json);
  const catalog = recordingCatalog((name, columns) => formatOf(plan, plannedMatrix(family, name, columns)));
  const graphs = buildGraphs(family, family.parseConfig(json), catalog);
  return { modelType: family.modelType, graphs, source: "config" };
}

/**
 * Writes the graphs into a new folder as ONNX files that need no others beside them: the weights are inputs.
 * The folder appears whole or not at all. @throws `invalid_request` when it is there already, `io`.
 */
export async function writeBareGraphs(graphs: readonly Graph[], into: string): Promise<void> {
  if (await pathExists(into))
    throw new OcellusError("invalid_request", `${into} exists; name a new folder`, { details: { path: into } });
  await createFolderAtomically(into, false, async (folder) => {
    for (const graph of graphs) {
      const model = encodeOnnx(withWeightsAsInputs(graph), (name) => {
        throw new OcellusError("internal", `internal: the weight ${name} is an input`);
      });
      await writeFileAtomically(joinPath(folder, packedFiles.graph(graph.name)), model);
    }
  });
}
