/** What of this room runs in a browser too: a model, once its parts are opened, and all that it is asked. */
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
  type Prepared,
} from "./chat.js";
export { decoderModels } from "./decoder-models.js";
export type { ChatNote } from "./familiarity.js";
export {
  type LanguageModel,
  type LoadTimings,
  type Middleware,
  MiddlewareModel,
  type ModelInfo,
  type ModelStats,
  withMiddleware,
} from "./language-model.js";
export type { MemoryOptions, SharedMemory } from "./memory.js";
export type { VisionLanguageModel } from "./model.js";
export { type ModelHost, openModel, type SizeChoice, sizesOf } from "./open-model.js";
export type { OpenedTextWork } from "./open-text.js";
export { openedImages } from "./opened-images.js";
export { type Placement, placementFor, placementOn } from "./placement.js";
export { speculationUse } from "./speculation.js";
export { collect } from "./stream-chat.js";
export type { Trace, TraceOptions } from "./trace.js";
export type { QueryAttention } from "./vision.js";
export { zoomOnDoubt } from "./zoom.js";
