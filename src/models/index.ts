export type {
  CacheSpec,
  GridInPrompt,
  HostInput,
  ModelDimensions,
  ModelFamily,
  PromptPositions,
  RotaryAngles,
  TokenRow,
} from "./family.js";
export { indexPositions } from "./family.js";
export { type AnyFamily, families, familyOf } from "./registry.js";
