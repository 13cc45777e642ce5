/** What of this room runs in a browser too: all but the process that renders templates, and files of videos. */
export { checkTemplate } from "./chat-template.js";
export type { SeeImage } from "./images.js";
export { checkImageTokens } from "./layout-images.js";
export { type ChatMessage, type ContentPart, frames, image, type PlainMessage, plainMessages } from "./messages.js";
export {
  createProcessor,
  type ImageSpec,
  type ProcessOptions,
  type Processor,
  type Prompt,
  type PromptImage,
} from "./processor.js";
export { sampleVideo } from "./sample-video.js";
export { type TextWork, textWorkHere } from "./text-work.js";
export type { VideoInput } from "./video.js";
export { writtenPlaces } from "./written-places.js";
