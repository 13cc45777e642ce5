export type {
  EncodeText,
  FramePair,
  GridInPrompt,
  HostInput,
  ImageLayout,
  ImageSide,
  ModelDimensions,
  PromptPositions,
  TokenSpan,
  VideoSide,
} from "./family.js";
export { indexPositions, numRows, plainLayout } from "./family.js";
export { configNotes } from "./fields.js";
export type { Part } from "./names.js";
export {
  type AnyFamily,
  type Classifier,
  type DualEncoder,
  families,
  familyOf,
  type LanguageFamily,
} from "./registry.js";
