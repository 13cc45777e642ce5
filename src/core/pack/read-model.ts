/** A checkpoint as packing sees it: its family, its weights in the family's spelling, the graphs that a plan makes of them. */
import { OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/index.js";
import { checkpointCatalog, type Graph } from "../graph/index.js";
import { type AnyFamily, configNotes, type FamilyView, familyOf } from "../models/index.js";
import type { WeightsSource } from "../quantize/index.js";
import { buildGraphs, prefillGraph } from "./build-graphs.js";
import { canonicalSource } from "./canonical.js";
import { refuseForeignFolder } from "./foreign.js";
import { isPacked } from "./open-packed.js";
import { openWeights, storedFormatOf } from "./open-weights.js";
import { type PackingPlan, plannedMatrix, prefillFormatOf } from "./plan.js";
import { unreadNotes } from "./unread.js";

export interface SourceModel {
  readonly family: AnyFamily;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  readonly weights: WeightsSource;
  /** What a user should know of the checkpoint, in sentences: what is in it and is not used. */
  readonly notes: readonly string[];
}

/** @throws `unsupported`, `invalid_config`, `invalid_file`, `not_found`; `invalid_request` for a packed model. */
export async function readModel(checkpoint: Checkpoint, view?: FamilyView): Promise<SourceModel> {
  if (await isPacked(checkpoint))
    throw new OcellusError(
      "invalid_request",
      `${checkpoint.path} is a packed model; name the checkpoint that it was made from`,
      { details: { path: checkpoint.path, found: "packed model" } },
    );
  await refuseForeignFolder(checkpoint);
  const configJson = await checkpoint.readJson("config.json");
  const family = familyOf(configJson, view);
  const weights = canonicalSource(await openWeights(checkpoint, configJson), family); // first, for it names the tool
  const config: unknown = family.parseConfig(configJson);
  await refuseAdapter(checkpoint);
  const unread = await unreadNotes({ family, config, weights });
  return { family, config, weights, notes: [...checkpoint.notes, ...configNotes(family, configJson), ...unread] };
}

/** The reference loads an adapter that is beside the weights together with them. */
async function refuseAdapter(checkpoint: Checkpoint): Promise<void> {
  const adapter = checkpoint.leftover.find((name) => name.startsWith("adapter_model."));
  if (adapter === undefined || (await checkpoint.readJson("adapter_config.json")) === undefined) return;
  throw new OcellusError(
    "unsupported",
    `${checkpoint.path} holds an adapter, ${adapter}, beside the weights; merge it into them, or move it elsewhere`,
    { details: { file: adapter } },
  );
}

/** The graphs that packing by this plan writes, by name. @throws `invalid_file` for missing and misshapen tensors. */
export function planGraphs(model: SourceModel, plan: PackingPlan): Record<string, Graph> {
  const { family, config, weights } = model;
  const catalog = checkpointCatalog(weights, (name) => storedFormatOf(plan, name, model));
  const graphs = buildGraphs(family, config, catalog);
  if (plan.prefillWeights === "same" || family.kind !== "language") return graphs;
  const forPrompts = checkpointCatalog(weights, (name) =>
    prefillFormatOf(plan, plannedMatrix(family, name, weights.info(name)?.shape[1])),
  );
  return { ...graphs, prefill: prefillGraph(family, config, forPrompts) };
}
