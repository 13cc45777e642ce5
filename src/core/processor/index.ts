export { checkTemplate } from "./chat-template.js";
export type { SeeImage } from "./images.js";
export { checkImageTokens } from "./layout-images.js";
export { type ChatMessage, type ContentPart, image, type PlainMessage, plainMessages, video } from "./messages.js";
export {
  createProcessor,
  type ImageSpec,
  type ProcessOptions,
  type Processor,
  type Prompt,
  type PromptImage,
} from "./processor.js";
export { sampleVideo } from "./sample-video.js";
export type { TemplateData, TemplateMethods } from "./template-worker.js";
export { type TextWork, templateScript } from "./text-work.js";
export type { VideoInput } from "./video.js";
export { writtenPlaces } from "./written-places.js";
