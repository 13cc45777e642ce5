export { OcellusError } from "../base/index.js";
export type { FinishReason, SamplingOptions } from "../engine/index.js";
export type { FeatureSource, FeatureStore, FeatureStoreStats } from "../features/index.js";
export {
  type Redaction,
  type ResponseFormat,
  redactedSchema,
  type ToolConstraint,
  type ToolSignature,
} from "../grammar/index.js";
export {
  type DecodePicture,
  type ImageFormat,
  type ImageInput,
  inTurnOf,
  PictureThreads,
  type PictureThreadsOptions,
  sniffFormat,
} from "../image/index.js";
export { type PackOptions, type PackProgress, type PackResult, pack, type Weights } from "../pack/index.js";
export { type ChatMessage, type ContentPart, image, type VideoInput, video } from "../processor/index.js";
export { type Device, type DeviceStatus, detectDevices } from "../session/index.js";
export {
  type AnswerReason,
  type ChatEvent,
  type ChatOptions,
  type ChatPicture,
  type ChatResult,
  type ChatTimings,
  type ChatToken,
  type ChatUsage,
  collect,
  type PreparedChat,
} from "./chat.js";
export {
  type LabelProbability,
  type LoadClassifierOptions,
  loadClassifier,
  type PictureClassifier,
} from "./classifier.js";
export {
  type ClassifyOptions,
  ClipModel,
  cosine,
  type EmbeddedLabel,
  type LabelScore,
  type LoadClipOptions,
  loadClip,
} from "./clip.js";
export { type Divergence, divergence } from "./divergence.js";
export { type Admission, embedderOf, type PictureEmbedder } from "./embedder.js";
export { type Answering, type Match, type MatchOptions, matchByAnswer, matchByCosine } from "./match.js";
export { type MemoryOptions, openFeatureStore, type Reuse } from "./memory.js";
export {
  type LoadOptions,
  type LoadTimings,
  loadModel,
  type ModelStats,
  type VisionLanguageModel,
} from "./model.js";
export { measureSensitivity, type Sensitivity, type SensitivityOptions } from "./sensitivity.js";
export type {
  Trace,
  TraceCandidate,
  TracedPicture,
  TracedToken,
  TraceOptions,
  TraceStages,
} from "./trace.js";
export type { QueryAttention } from "./vision.js";
