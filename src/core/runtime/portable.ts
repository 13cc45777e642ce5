/** What of this room runs in a browser too: a model, once its parts are opened, and all that it is asked. */
export type { SamplingOptions } from "../engine/index.js";
export type { Fields } from "../grammar/index.js";
export type { AnswerAttention, AttentionOptions } from "./answer-attention.js";
export type { FoundPlace } from "./boxes.js";
export type {
  ChatEvent,
  ChatImage,
  ChatOptions,
  ChatResult,
  ChatToken,
  NamedToken,
  Prepared,
  TokenSpelling,
} from "./chat.js";
export { decoderModels } from "./decoder-models.js";
export {
  type LanguageModel,
  type LoadTimings,
  type Middleware,
  type ModelInfo,
  type ModelStats,
  withMiddleware,
} from "./language-model.js";
export type { MemoryOptions } from "./memory.js";
export type { VisionLanguageModel } from "./model.js";
export { type ModelHost, openModel, type SizeChoice, sizesOf } from "./open-model.js";
export { openedImages } from "./opened-images.js";
export { placementFor, placementOn } from "./placement.js";
export { speculationUse } from "./speculation.js";
export { collect, spellingOf } from "./stream-chat.js";
export type { Trace, TraceOptions } from "./trace.js";
export type { ZoomedField } from "./zoomed-field.js";
