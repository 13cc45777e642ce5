/**
 * The graphs of a model that is tuned: the vision graph cut where training begins, what is behind forwards and backwards, and the
 * decoder with its updates, its loss and the gradients. They read the weights of the packed model where these lie.
 */
import { type CutGraph, cutBehind, type Graph, pruned, withWeightsAsInputs } from "../../core/graph/index.js";
import type { PackedModel } from "../../core/pack/index.js";
import { crossEntropyGradients, trainingForm, vjp, withCrossEntropy, withLora } from "../../core/train/index.js";
import { type LoraTarget, loraParameters, loraTargets } from "./lora.js";
import { type Parameter, visionParameters } from "./parameters.js";
import { isVisualOutput } from "./pictures.js";
import type { Recipe } from "./recipe.js";

export interface TunedGraphs {
  readonly vision: {
    /** Not trained. Absent: there is no vision graph, or all of it is. */
    readonly before?: Graph | undefined;
    readonly behind?: { readonly forward: Graph; readonly backward: Graph } | undefined;
  };
  /** The decoder with its updates. */
  readonly decoder: Graph;
  /** It with the loss; and with the gradients of its updates and of what pictures give it. */
  readonly forward: Graph;
  readonly backward: Graph;
  readonly visionParameters: readonly Parameter[];
  readonly decoderParameters: readonly Parameter[];
  /** Inputs of the decoder that hold what the trained part of the vision graph gives. */
  readonly visualInputs: readonly string[];
  readonly loraTargets: readonly LoraTarget[];
  /** Whole, in training's form: with all tensors that the others read. */
  readonly all: readonly Graph[];
}

/** The input of the decoder that an output of the vision graph goes into. */
const inputOf = (output: string) => (output === "visual_tokens" ? "inputs_embeds" : output);

/** @param stored the packed model's, in float32. @throws `invalid_request` for parts that it does not have; `unsupported` */
export function tunedGraphs(
  stored: Readonly<Record<string, Graph>>,
  { family }: Pick<PackedModel, "family">,
  recipe: Recipe,
): TunedGraphs {
  const seen = stored.vision && trainingForm(visualPart(stored.vision));
  const parametersOfVision = visionParameters(seen, family, recipe);
  const names = parametersOfVision.map(({ name }) => name);
  const { before, behind }: CutGraph = seen ? cutBehind(seen, names) : {};
  const decoder = trainingForm(stored.decoder!);
  const { lora } = recipe;
  const targets = lora ? loraTargets(decoder, family, lora) : [];
  const update = lora && { rank: lora.rank, scale: lora.alpha / lora.rank };
  const updated = update ? withLora(decoder, new Map(targets.map(({ weight }) => [weight, update]))) : decoder;
  const decoderParameters = lora ? loraParameters(targets, lora) : [];
  const visualInputs = behind?.outputs.map(({ name }) => inputOf(name)) ?? [];
  return {
    vision: { before, behind: behind && bothWays(behind, names) },
    ...{ decoder: updated, forward: withCrossEntropy(updated) },
    backward: crossEntropyGradients(updated, { wrt: [...decoderParameters.map(({ name }) => name), ...visualInputs] }),
    visionParameters: parametersOfVision,
    ...{ decoderParameters, visualInputs, loraTargets: targets, all: [...(seen ? [seen] : []), decoder] },
  };
}

function visualPart(graph: Graph): Graph {
  return pruned({ ...graph, outputs: graph.outputs.filter(({ name }) => isVisualOutput(name)) });
}

function bothWays(behind: Graph, names: readonly string[]) {
  return {
    forward: withWeightsAsInputs(behind, names),
    backward: vjp(behind, { of: behind.outputs.map(({ name }) => name), wrt: names }),
  };
}
