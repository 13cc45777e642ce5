export { type ChatMessage, type ContentPart, image } from "./messages.js";
export {
  createProcessor,
  type Eyes,
  type ProcessOptions,
  type Processor,
  type ProcessorParts,
  type Prompt,
  type PromptImage,
} from "./processor.js";
