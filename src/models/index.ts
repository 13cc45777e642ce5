export type {
  BuildGraph,
  ClassifierFamily,
  DualEncoderFamily,
  GridInPrompt,
  HostInput,
  ImageSide,
  ModelDimensions,
  ModelFamily,
  PromptPositions,
  RotaryAngles,
  TokenRow,
  VideoSide,
} from "./family.js";
export { indexPositions } from "./family.js";
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
