/**
 * Tensors of a checkpoint that no graph reads. Most are harmless: a head beside a tied table, a constant that is computed.
 * One that takes part in the reference's sums would make every answer wrong without a word, so it is refused.
 */
import { OcellusError, shorten } from "../base/index.js";
import { recordingCatalog } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import type { WeightsSource } from "../quantize/index.js";
import { type Shape, toFloat32 } from "../tensor/index.js";
import { buildGraphs } from "./build-graphs.js";

/**
 * Why a tensor is not read: one that the reference leaves aside too, a head beside a tied table, positions that rotary embedding replaced, a stored constant, or a
 * part of a product that the family's graphs leave out.
 */
export type UnreadReason = "aside" | "tied_head" | "static_positions" | "constant" | "takes_part" | "unknown";

/** The tensors that a config calls for, under the names our graphs use. */
export function wantedTensors(family: AnyFamily, config: unknown): ReadonlyMap<string, Shape> {
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  buildGraphs(family, config, catalog);
  const wanted = new Map([...catalog.tensors.values()].map(({ name, shape }) => [name, shape]));
  if (family.kind === "language") {
    const { vocabSize, hiddenSize } = family.dimensions(config);
    wanted.set(family.embedTokens, [vocabSize, hiddenSize]); // read by the host, row by row
  }
  return wanted;
}

/** What PEFT adds to a model, by the names of its tensors. */
const adapter = /(?:^|[._])(?:lora|vera|dora|ia3|oft|hada)(?:[._]|$)|(?:^|\.)(?:base_layer|modules_to_save)\./i;
const constant =
  /(?:^|\.)(?:inv_freq|position_ids|masked_bias|attention\.bias|attn\.bias|cos_cached|sin_cached|num_batches_tracked)$/;

/** By the canonical name. A module's only unread tensor beside its weight is a bias, a scale or the like: it takes part. */
export function unreadReason(name: string, family: AnyFamily, isWanted: (name: string) => boolean): UnreadReason {
  if (adapter.test(name)) return "takes_part";
  if (family.isAside?.(name)) return "aside";
  if (constant.test(name)) return "constant";
  const isHead = family.kind === "language" && family.parts(name) === "head";
  if (isHead && name.endsWith(".weight")) return "tied_head";
  if (/(embed_positions|position_embeddings?|wpe)(\.weight)?$/.test(name)) return "static_positions";
  return isWanted(weightBeside(name)) || (isHead && name.endsWith(".bias")) ? "takes_part" : "unknown";
}

/** The weight of the module that a tensor is of. */
function weightBeside(name: string): string {
  return `${name.slice(0, name.lastIndexOf(".") + 1)}weight`;
}

interface Source {
  readonly family: AnyFamily;
  readonly config: unknown;
  readonly weights: WeightsSource;
}

/** A sentence that names what nothing reads. @throws `unsupported` for a tensor that takes part in the reference's sums. */
export async function unreadNotes({ family, config, weights }: Source): Promise<string[]> {
  const wanted = wantedTensors(family, config);
  const unread = [...weights.names()].filter((name) => !wanted.has(name));
  const unknown: string[] = [];
  for (const name of unread) {
    const reason = unreadReason(name, family, (other) => wanted.has(other));
    if (reason === "unknown") unknown.push(name);
    if (reason === "takes_part" && !(await isHarmless(name, weights))) throw takesPart(name, family);
  }
  if (unknown.length === 0) return [];
  const more = unknown.length > 3 ? ` and ${unknown.length - 3} more` : "";
  const named = unknown.slice(0, 3).map((name) => shorten(name));
  return [`the checkpoint holds tensors that ${family.modelType} does not use: ${named.join(", ")}${more}`];
}

/** AutoGPTQ writes a bias of zeros for each matrix that has none; scales of activations belong to other kernels. */
async function isHarmless(name: string, weights: WeightsSource): Promise<boolean> {
  if (weights.stored && /\.(?:input|output)_\w+$/.test(name)) return true;
  const [length, ...more] = weights.info(name)!.shape;
  if (!name.endsWith(".bias") || more.length > 0 || length !== weights.info(weightBeside(name))?.shape[0]) return false;
  const { bytes, dtype } = await weights.read(name);
  return toFloat32(bytes, dtype).every((value) => value === 0);
}

function takesPart(name: string, { modelType }: AnyFamily): OcellusError {
  const instead = adapter.test(name) ? "merge the adapter into the weights first" : "answers without it would be wrong";
  return new OcellusError(
    "unsupported",
    `the checkpoint holds ${shorten(name)}, which takes part in its sums and which ${modelType} as its config.json describes it does not have; ${instead}`,
    { details: { tensor: name } },
  );
}
