export { Engine, type EngineOptions, type EngineStats, type GeneratedTokens } from "./engine.js";
export { checkSampling, type SamplingOptions } from "./sampling.js";
export type {
  Batch,
  Constraint,
  EngineRequest,
  FinishReason,
  ModelRunner,
  Row,
  TokenEvent,
  TokenLogprob,
} from "./types.js";
