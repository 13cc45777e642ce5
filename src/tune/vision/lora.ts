/**
 * Which products of a decoder get a low-rank update, and its first values: those of PEFT, A uniform within ±1/√columns and B zero,
 * so that nothing has moved at first. [Hu et al. 2021; peft 0.21 LoraLayer.reset_lora_parameters]
 */
import { OcellusError } from "../../core/base/index.js";
import { createRandom } from "../../core/engine/index.js";
import type { Graph } from "../../core/graph/index.js";
import type { LanguageFamily } from "../../core/models/index.js";
import { loraNames } from "../../core/train/index.js";
import type { Parameter } from "./parameters.js";

export interface LoraChoice {
  readonly rank: number;
  readonly alpha: number;
  /** Last names of modules, such as q_proj; or all-linear, every product of the decoder's layers. */
  readonly targets: readonly string[];
}

/** A matrix that gets an update. */
export interface LoraTarget {
  /** Canonical: `model.layers.3.self_attn.q_proj.weight` */
  readonly weight: string;
  readonly shape: readonly [rows: number, columns: number];
}

/** @param graph of `trainingForm`. @throws `invalid_request` for a target that the decoder does not have */
export function loraTargets(graph: Graph, family: LanguageFamily, { targets }: LoraChoice): LoraTarget[] {
  const all = productsOf(graph, family);
  const names = [...new Set(all.map(moduleName))];
  const isAll = targets.includes("all-linear");
  const unknown = targets.filter((name) => name !== "all-linear" && !names.includes(name));
  if (unknown.length === 0 && targets.length > 0)
    return all.filter((target) => isAll || targets.includes(moduleName(target)));
  throw new OcellusError(
    "invalid_request",
    `lora-targets: expected some of ${names.join(", ")}, or all-linear; found ${unknown.join(", ") || "none"}`,
    { details: { field: "lora-targets", expected: names, found: unknown } },
  );
}

/** `model.layers.3.self_attn.q_proj.weight` → `q_proj` */
function moduleName({ weight }: LoraTarget): string {
  return weight.split(".").at(-2)!;
}

/** The matrices of the decoder's layers, in the order in which they are multiplied with. */
function productsOf(graph: Graph, family: LanguageFamily): LoraTarget[] {
  const weights = new Map(graph.initializers.map(({ value, source }) => [value.name, "tensors" in source]));
  return graph.nodes.flatMap(({ op, inputs }): LoraTarget[] => {
    const matrix = inputs[1];
    if (op !== "FusedMatMul" || !matrix || !weights.get(matrix.name) || !matrix.name.endsWith(".weight")) return [];
    if (family.parts(matrix.name) !== "decoder" || matrix.shape.length !== 2) return [];
    return [{ weight: matrix.name, shape: matrix.shape as readonly [number, number] }];
  });
}

export function loraParameters(targets: readonly LoraTarget[], { rank }: LoraChoice): Parameter[] {
  const of = { part: "lora", decays: true, tensors: [] } as const;
  return targets.flatMap(({ weight, shape: [rows, columns] }) => {
    const { a, b } = loraNames(weight);
    return [
      { ...of, name: a, shape: [rank, columns] },
      { ...of, name: b, shape: [rows, rank] },
    ];
  });
}

/** The other matrix, B, is zero at first and scales the update. */
export function isLowRankA({ name }: Pick<Parameter, "name">): boolean {
  return name.endsWith(".lora_A");
}

export function firstValues(parameter: Parameter, seed: number, index: number): Float32Array {
  const { shape } = parameter;
  const [rows, columns] = shape as [number, number];
  const values = new Float32Array(rows * columns);
  if (!isLowRankA(parameter)) return values;
  const random = createRandom((BigInt(index + 1) << 32n) | BigInt(seed));
  const bound = 1 / Math.sqrt(columns);
  return values.map(() => (2 * random() - 1) * bound);
}
