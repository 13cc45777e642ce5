/**
 * Where a server's models come from: models that were loaded, versions of a registry with their canaries, engines elsewhere. A
 * provider knows bare models; the server puts guardrails and an admission queue before each, so that no provider can go around them.
 */
import type { LanguageModel, RerankerModel } from "../core/runtime/index.js";
import type { EmbeddingModel } from "../guardrails/index.js";
import type { Alias, Resolution } from "../rollout/index.js";

export type AnyModel = LanguageModel | EmbeddingModel | RerankerModel;

export interface ProvidedModel<M extends AnyModel = AnyModel> {
  /** As responses, metrics and the log name it. */
  readonly id: string;
  readonly model: M;
  /** The folder that was packed, to be described; without it the packed one is. */
  readonly checkpoint?: string | undefined;
}

export interface ListedModel<M extends AnyModel = AnyModel> extends ProvidedModel<M> {
  /** An alias: requests name the model by it, and by its id when no version may be chosen for them. */
  readonly name?: string | undefined;
}

/** A model for one request, which is not closed before it is given back. */
export interface Lease<M extends AnyModel = AnyModel> extends ProvidedModel<M> {
  /** Of a registry's version: why it is this one. */
  readonly assignment?: Assignment | undefined;
  /** Called once, at the end of the request. */
  release(): void;
}

/** Which version answers a request, and how it was chosen. */
export interface Assignment {
  readonly resolution: Resolution;
  /** What the split looked at: the alias as this process serves it. */
  readonly alias?: Alias | undefined;
  /** Of the unit that the split looked at, for those who count users. */
  readonly mark: number;
  /** The split drew it at this share: neither an older conversation nor a tester. Only this compares versions. */
  readonly isDrawn: boolean;
}

/** Whose request it is, as far as the choice of a model is concerned. */
export interface Caller {
  /** The name of the API key; without keys the client's address. */
  readonly owner: string;
  /** The `user` of the request. */
  readonly user?: string | undefined;
  /** The header x-ocellus-conversation. */
  readonly conversation?: string | undefined;
  /** The header x-ocellus-version: an exact version, for testers. */
  readonly version?: string | undefined;
  /** Aborted when the request is. */
  readonly signal: AbortSignal;
}

export interface ModelProvider {
  /**
   * The model for one request; it may take its time, as long as the caller's signal lets it.
   * @returns undefined when there is no model of that name
   * @throws `unavailable`, `overloaded`, `aborted`
   */
  resolve(name: string, caller: Caller): Promise<Lease | undefined>;
  /** What can be asked for now, each by its id and, where it has one, its name. */
  list(): readonly ListedModel[];
}
