/** The matrices whose format a plan chooses, from headers. Those that are stacked into one product (q, k, v) share a format. */
import { elementCount, sameFormat, storedBytes, type WeightFormat } from "../tensor/index.js";
import { plannedBytes } from "./layout.js";
import { storedFormatOf } from "./open-weights.js";
import { autoFormats, type KeptFormats, type PackingPlan, parsePlan } from "./plan.js";
import { planGraphs, type SourceModel } from "./read-model.js";

export interface MatrixGroup {
  /** Canonical names; the first decides the format of all. */
  readonly tensors: readonly string[];
  /** Of all together. */
  readonly rows: number;
  readonly columns: number;
}

export function matrixGroups(model: SourceModel): MatrixGroup[] {
  const initializers = Object.values(planGraphs(model, int8)).flatMap((graph) => graph.initializers);
  const groups = new Map<string, MatrixGroup>();
  for (const { source } of initializers) {
    if (!("tensors" in source) || source.format.kind === "f32" || source.part !== "values") continue;
    const shapes = source.tensors.map((tensor) => model.weights.info(tensor)!.shape);
    const rows = shapes.reduce((sum, shape) => sum + shape[0]!, 0);
    groups.set(source.tensors[0]!, { tensors: source.tensors, rows, columns: elementCount(shapes[0]!.slice(1)) });
  }
  return [...groups.values()];
}

/** Tells matrices from small weights, which stay float32 in every plan. */
const int8 = parsePlan("int8");

/** What `auto` may choose from for a group. A matrix that is stored in four or eight bits already is never rounded again. */
export function formatsOf({ tensors }: MatrixGroup, model: SourceModel, kept: KeptFormats) {
  const name = tensors[0]!;
  const formats = autoFormats({ name, part: model.family.parts(name) }, kept).map((format) => {
    return storedFormatOf({ ...int8, weights: "auto", formats: new Map([[name, format]]) }, name, model);
  });
  return formats.filter((format, i) => formats.findIndex((other) => sameFormat(format, other)) === i);
}

/** Bytes of all that has no choice: norms, biases, small tables, and a token table that is no graph's. */
export function fixedBytes(model: SourceModel, groups: readonly MatrixGroup[], kept: KeptFormats): number {
  const plan = autoPlan(new Map(), kept);
  const chosen = groups.map(({ tensors, rows, columns }) => {
    return storedBytes(storedFormatOf(plan, tensors[0]!, model), rows, columns);
  });
  return plannedBytes(model, plan) - chosen.reduce((sum, bytes) => sum + bytes, 0);
}

/** The plan that gives these matrices these formats. Others are stored in large blocks: what is saved goes to the chosen ones. */
export function autoPlan(
  formats: ReadonlyMap<string, WeightFormat>,
  { visionWeights, embeddingWeights }: KeptFormats,
): PackingPlan {
  return { ...int8, weights: "auto", blockSize: 128, visionWeights, embeddingWeights, formats };
}
