export { type Device, type DeviceStatus, detectDevices } from "../backend/index.js";
export { OcellusError } from "../base/index.js";
export type { EncoderCache, EncoderCacheStats, FeatureSource } from "../cache/index.js";
export type { Adapter } from "../checkpoint/index.js";
export type { FinishReason, SamplingOptions } from "../engine/index.js";
export type {
  FieldAlternative,
  FieldConfidence,
  FieldKind,
  Fields,
  ResponseFormat,
  ToolConstraint,
  ToolSignature,
} from "../grammar/index.js";
export {
  type DecodeImage,
  type ImageInput,
  ImageThreads,
  type ImageThreadsOptions,
  onBehalfOf,
  SampledVideo,
  VideoFile,
  type VideoLimits,
  type VideoSource,
} from "../image/node/index.js";
export { type ImageDetail, type ImageFormat, sniffFormat, sniffVideo, type VideoFormat } from "../image/spec/index.js";
export {
  type ImageText,
  loadTextReader,
  type ReadTextOptions,
  readText,
  type TextLine,
  TextReader,
  type TextReaderOptions,
} from "../ocr/index.js";
export { type PackOptions, type PackProgress, type PackResult, pack, type Weights } from "../pack/index.js";
export { type ChatMessage, type ContentPart, image, type VideoInput, video } from "../processor/index.js";
export { openAdapter } from "./adapter.js";
export type { AnswerAttention, AttentionOptions } from "./answer-attention.js";
export type { FoundPlace, ImageResize } from "./boxes.js";
export {
  type AnswerReason,
  type ChatEvent,
  type ChatImage,
  type ChatOptions,
  type ChatResult,
  type ChatTimings,
  type ChatToken,
  type ChatUsage,
  chatOptionNames,
  type LocalToken,
  type NamedToken,
  type Prepared,
  type PreparedChat,
  type TokenSpelling,
} from "./chat.js";
export {
  type ImageClassifier,
  type LabelProbability,
  type LoadClassifierOptions,
  loadClassifier,
} from "./classifier.js";
export { tokenInputs } from "./decoder-inputs.js";
export {
  type ClassifyOptions,
  cosine,
  DualEncoderModel,
  type EmbeddedLabel,
  type EmbeddedText,
  type LabelScore,
  type LoadDualEncoderOptions,
  loadDualEncoder,
} from "./dual-encoder.js";
export { type EmbedderInput, EmbedderModel, type LoadEmbedderOptions, loadEmbedder } from "./embedder.js";
export {
  boundarySide,
  type ChatNote,
  type Familiarity,
  type FamiliarityFile,
  familiarityFile,
  noteText,
  sigmoid,
  spanCosine,
  type TrainedForm,
  trainedForms,
} from "./familiarity.js";
export {
  FeatureEncoderModel,
  type FeatureVector,
  type LoadFeatureEncoderOptions,
  loadFeatureEncoder,
} from "./feature-encoder.js";
export {
  type ConfidenceFile,
  calibratedProbability,
  checkFields,
  confidenceFile,
  type FieldTemperatures,
  fieldTop,
  inTurns,
} from "./field-confidence.js";
export { checkNumbers } from "./finite.js";
export { ImageEncoderModel, type LoadImageEncoderOptions, loadImageEncoder } from "./image-encoder.js";
export { kvCacheDtypes } from "./kv-cache-dtype.js";
export {
  type Capabilities,
  type ImageTraffic,
  type LanguageModel,
  type LoadTimings,
  type LocalFacts,
  type LocalStats,
  type Middleware,
  MiddlewareModel,
  type ModelInfo,
  type ModelStats,
  type RemoteEngine,
  withMiddleware,
} from "./language-model.js";
export { type LoadOptions, loadModel, loadWith } from "./load-model.js";
export type {
  CachedImages,
  MemoryOptions,
  NearDuplicateCache,
  OpenNearDuplicates,
  Reuse,
} from "./memory.js";
export type { VisionLanguageModel } from "./model.js";
export { openImages } from "./open.js";
export { openEncoderCache } from "./open-encoder-cache.js";
export type { TextSide } from "./open-text.js";
export { type PrefillWeights, packingPlan } from "./packing-plan.js";
export type { ReasoningEffort, ReasoningStart, Thinking } from "./reasoning.js";
export { defaultMaxTokens, defaultThoughts } from "./request-reader.js";
export {
  type CountedScores,
  type LoadRerankerOptions,
  loadReranker,
  type RankedDocument,
  type RerankerInput,
  RerankerModel,
  type RerankOptions,
} from "./reranker.js";
export { collect, spellingOf } from "./stream-chat.js";
export { openTextSide } from "./text-workers.js";
export type { TokenLook } from "./token-look.js";
export type {
  Trace,
  TraceCandidate,
  TracedImage,
  TracedToken,
  TraceOptions,
  TraceStages,
} from "./trace.js";
export { feedsOf, placed, type QueryAttention } from "./vision.js";
export { zoomOnDoubt } from "./zoom.js";
export type { ZoomedField, ZoomOptions } from "./zoomed-field.js";
