export { Engine, type EngineOptions, type EngineStats } from "./engine.js";
export { createRandom } from "./random.js";
export type { SamplingOptions } from "./sampling.js";
export type { AskedDraft, DraftModel } from "./speculation.js";
export type {
  Ahead,
  Batch,
  ConstrainedLogprobs,
  Constraint,
  EngineRequest,
  FinishReason,
  ModelRunner,
  Row,
  TokenEvent,
  TokenLogprob,
} from "./types.js";
