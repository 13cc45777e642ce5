/** A model as the server has it, and who asks for one. */
import type { LanguageModel } from "../core/runtime/index.js";
import type { EmbeddingModel, GuardedEmbedder, GuardedModel } from "../guardrails/index.js";
import type { Alias, Resolution } from "../rollout/index.js";
import type { AdmissionQueue, Visitor } from "./admission-queue.js";

/** What the shelf takes; what it hands out is behind the guards. */
export type ChatModel = LanguageModel;
export type { EmbeddingModel };

export interface ServedModel {
  readonly kind: "chat";
  readonly id: string;
  /** The folder that was packed. */
  readonly checkpoint: string;
  readonly model: GuardedModel;
  readonly gate: AdmissionQueue;
}

export interface ServedEmbedder {
  readonly kind: "embedding";
  readonly id: string;
  readonly checkpoint: string;
  readonly model: GuardedEmbedder;
  readonly gate: AdmissionQueue;
}

export type Served = ServedModel | ServedEmbedder;

/** A version for one answer. */
export interface Assignment {
  readonly served: ServedModel;
  readonly resolution: Resolution;
  /** What the split looked at: the alias as this process serves it. */
  readonly alias?: Alias | undefined;
  /** Of the unit that the split looked at, for those who count users. */
  readonly mark: number;
  /** The split drew it at this share: no conversation that goes on from before, no tester. Only this compares versions. */
  readonly isDrawn: boolean;
  /** To be called once, when the answer has ended. */
  release(): void;
}

/** One request, as far as the choice of its version is concerned. */
export interface Caller extends Visitor {
  readonly conversation: string | undefined;
  readonly wantedVersion: string | undefined;
  assignment: Assignment | undefined;
}
