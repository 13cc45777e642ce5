export type { SeeImage } from "./images.js";
export { type ChatMessage, type ContentPart, image, video } from "./messages.js";
export {
  createProcessor,
  type Eyes,
  type ProcessOptions,
  type Processor,
  type ProcessorParts,
  type Prompt,
  type PromptImage,
} from "./processor.js";
export type { VideoEyes, VideoInput } from "./video.js";
