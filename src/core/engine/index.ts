export { Engine, type EngineOptions, type EngineStats } from "./engine.js";
export type { SamplingOptions } from "./sampling.js";
export type {
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
