/** A checkpoint as packing sees it: its family, its weights in the family's spelling, the graphs that a plan makes of them. */
import { OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/index.js";
import { checkpointCatalog, type Graph } from "../graph/index.js";
import { type AnyFamily, familyOf } from "../models/index.js";
import type { WeightsSource } from "../quantize/index.js";
import { buildGraphs } from "./build-graphs.js";
import { canonicalSource } from "./canonical.js";
import { openWeights, storedFormatOf } from "./open-weights.js";
import { isPacked } from "./packed.js";
import type { PackingPlan } from "./plan.js";

export interface SourceModel {
  readonly family: AnyFamily;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  readonly weights: WeightsSource;
}

/** @throws `unsupported`, `invalid_config`, `invalid_file`; `invalid_request` for a packed model. */
export async function readModel(checkpoint: Checkpoint): Promise<SourceModel> {
  if (await isPacked(checkpoint))
    throw new OcellusError(
      "invalid_request",
      `${checkpoint.path} is a packed model; name the checkpoint that it was made from`,
    );
  const configJson = await checkpoint.readJson("config.json");
  const family = familyOf(configJson);
  const config: unknown = family.parseConfig(configJson);
  return { family, config, weights: canonicalSource(await openWeights(checkpoint, configJson), family) };
}

/** The graphs that packing by this plan writes, by name. @throws `invalid_file` for missing and misshapen tensors. */
export function planGraphs({ family, config, weights }: SourceModel, plan: PackingPlan): Record<string, Graph> {
  const catalog = checkpointCatalog(weights, (name) => storedFormatOf(plan, name, weights));
  return buildGraphs(family, config, catalog);
}
