export { describeFamily, type FamilyDescription, familyKinds } from "./abilities.js";
export type {
  AnyFamily,
  Classifier,
  DualEncoder,
  EncodeText,
  FamilyView,
  FramePair,
  GridInPrompt,
  HostInput,
  ImageEncoder,
  ImageLayout,
  ImageSide,
  LanguageFamily,
  ModelDimensions,
  PromptPositions,
  TokenIdOf,
  TokenSpan,
  VideoSide,
  WrittenImage,
} from "./family.js";
export { indexPositions, numRows, plainLayout } from "./family.js";
export { configNotes } from "./fields.js";
export type { Part } from "./names.js";
export { families, familyOf } from "./registry.js";
