export type { CacheSpec, ModelDimensions, ModelFamily, RotaryAngles, TokenRow } from "./family.js";
export { type AnyFamily, families, familyOf } from "./registry.js";
