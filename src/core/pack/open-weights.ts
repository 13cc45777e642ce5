/**
 * The weights of a checkpoint, whoever quantised them: what config.json says of that, which format a matrix gets that is
 * stored in one already, and in words what was kept and what had to be widened.
 */
import type { Checkpoint } from "../checkpoint/index.js";
import type { Graph } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import { openQuantized, type WeightsSource } from "../quantize/index.js";
import { describeFormat, type WeightFormat } from "../tensor/index.js";
import { keptAsStored } from "./encode-weights.js";
import { formatOf, type PackingPlan, plannedMatrix } from "./plan.js";

/** @throws `unsupported` when it is quantised in a way that is not read. */
export async function openWeights(checkpoint: Checkpoint, configJson: unknown): Promise<WeightsSource> {
  const config = quantizationConfig(configJson) ?? (await olderConfig(checkpoint));
  return config === undefined ? checkpoint : openQuantized(checkpoint, config);
}

type Json = Readonly<Record<string, unknown>>;

/** MLX names no method: bits and the columns that share a scale, alone. */
function isMlx(config: unknown): boolean {
  const { quant_method, bits, group_size } = (config ?? {}) as Json;
  return quant_method === undefined && bits !== undefined && group_size !== undefined;
}

/** In config.json, or in the part of it that describes the decoder. */
function quantizationConfig(configJson: unknown): unknown {
  const { quantization_config, compression_config, quantization, text_config } = (configJson ?? {}) as Json;
  if (isMlx(quantization ?? quantization_config)) return { quant_method: "mlx" };
  return (
    quantization_config ??
    compression_config ??
    (text_config === undefined ? undefined : quantizationConfig(text_config))
  );
}

/** Before transformers knew of them, AutoGPTQ and AutoAWQ wrote files of their own; ModelOpt still does. */
async function olderConfig(checkpoint: Checkpoint): Promise<unknown> {
  const gptq = await checkpoint.readJson("quantize_config.json");
  if (gptq !== undefined) return { quant_method: "gptq", ...(gptq as object) };
  if ((await checkpoint.readJson("hf_quant_config.json")) !== undefined) return { quant_method: "modelopt" };
  const awq = (await checkpoint.readJson("quant_config.json")) as Json | undefined;
  return awq && { quant_method: "awq", bits: awq.w_bit, group_size: awq.q_group_size, version: awq.version };
}

/** What the plan says, but as it is stored where that has as many bits: then nothing is lost. */
export function storedFormatOf(
  plan: PackingPlan,
  name: string,
  { family, weights }: { readonly family: AnyFamily; readonly weights: WeightsSource },
): WeightFormat {
  const stored = weights.stored?.exactFormat(name);
  const matrix = plannedMatrix(family, name, weights.info(name)?.shape[1]);
  const planned = formatOf(plan, stored?.kind === "int4" ? { ...matrix, keepsEightBits: false } : matrix); // lost already
  return stored?.kind === planned.kind ? stored : planned;
}

/**
 * One sentence for each format that quantised matrices of the checkpoint end up in. The copy that reads prompts is left out:
 * each matrix counts once, as what answers has it.
 */
export function describeStored(graphs: readonly Graph[], weights: WeightsSource): string[] {
  if (!weights.stored) return [];
  const { method, names } = weights.stored;
  const counts = new Map<string, number>();
  for (const { source } of graphs.filter(({ name }) => name !== "prefill").flatMap((graph) => graph.initializers)) {
    if (!("tensors" in source) || source.part !== "values") continue;
    const tensors = source.tensors.filter((tensor) => names.includes(tensor));
    const kept = keptAsStored(weights, source.tensors, source.format);
    const how = `${kept ? "kept as stored, without loss" : isFloat(source.format) ? "widened" : "widened and quantised again"}: ${describeFormat(source.format)}`;
    if (tensors.length > 0) counts.set(how, (counts.get(how) ?? 0) + tensors.length);
  }
  return [...counts].map(
    ([how, count]) => `${method} checkpoint: ${count} of its ${names.length} quantised matrices ${how}`,
  );
}

function isFloat({ kind }: WeightFormat): boolean {
  return kind === "f32" || kind === "f16";
}
