/** A model as the server has it: behind its guardrails, and with an admission queue of its own. */
import { type LanguageModel, type Middleware, type RerankerModel, withMiddleware } from "../core/runtime/index.js";
import type { GuardedEmbedder, GuardedModel, GuardedReranker, Guards } from "../guardrails/index.js";
import type { WireModel } from "../protocol/index.js";
import { AdmissionQueue } from "./admission-queue.js";
import type { AnyModel, ProvidedModel } from "./model-provider.js";

interface ServedAs {
  readonly id: string;
  /** The folder that was packed. Absent: an engine elsewhere has it. */
  readonly checkpoint: string | undefined;
  readonly gate: AdmissionQueue;
}

export interface ServedModel extends ServedAs {
  readonly kind: "chat";
  readonly model: GuardedModel;
}

export interface ServedEmbedder extends ServedAs {
  readonly kind: "embedding";
  readonly model: GuardedEmbedder;
}

export interface ServedReranker extends ServedAs {
  readonly kind: "reranker";
  readonly model: GuardedReranker;
}

export type Served = ServedModel | ServedEmbedder | ServedReranker;

export interface ServingOptions {
  readonly guards: Guards;
  /** Requests that may wait for each model. */
  readonly maxQueue: number;
  /** What is taken of videos, to be told. */
  readonly videos?: WireModel["ocellus"]["videos"];
  /** Between the guardrails and each model that answers. */
  readonly middleware?: readonly Middleware[] | undefined;
}

/** Each runs on all threads: a second one at a time fills the gaps of the first, more only wait for each other. */
const embeddingsAtOnce = 2;

/** @param before the same model under another id, whose queue is this one's too */
export function servedModel(provided: ProvidedModel, options: ServingOptions, before?: Served): Served {
  const { id, model, checkpoint = model.info.path } = provided;
  const { guards, maxQueue, middleware = [] } = options;
  const gate = before?.gate ?? new AdmissionQueue({ maxRunning: () => maxRunning(model), maxQueue });
  if (reranks(model)) return { kind: "reranker", id, checkpoint, gate, model: guards.reranking(model) };
  if (!answers(model)) return { kind: "embedding", id, checkpoint, gate, model: guards.embedding(model) };
  const whole = middleware.length > 0 ? withMiddleware(model, ...middleware) : model;
  return { kind: "chat", id, checkpoint, gate, model: guards.answering(whole) };
}

/** Half as many answers again as can run are let in: their images are encoded while they wait for a slot. */
function maxRunning(model: AnyModel): number {
  return answers(model) ? Math.ceil(1.5 * model.info.maxSequences) : embeddingsAtOnce;
}

function reranks(model: AnyModel): model is RerankerModel {
  return "rank" in model;
}

export function kindOf(model: AnyModel): Served["kind"] {
  return reranks(model) ? "reranker" : answers(model) ? "chat" : "embedding";
}

export function answers(model: AnyModel): model is LanguageModel {
  return "generate" in model;
}
