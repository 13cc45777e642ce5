export { type Comparer, CompareThread } from "./comparer.js";
export { digestOf, type FeatureKeyParts, featureKey } from "./feature-key.js";
export type { Features } from "./feature-record.js";
export {
  type FeatureSource,
  FeatureStore,
  type FeatureStoreOptions,
  type FeatureStoreStats,
  type FoundFeatures,
} from "./feature-store.js";
export type { AskedPicture, Look } from "./look.js";
export { type KeptPicture, type NearPicture, NearPictures } from "./near-pictures.js";
export { type KnownPicture, PictureTable } from "./picture-table.js";
export {
  type KnownBlocks,
  PrefixMemory,
  type PrefixMemoryOptions,
  prefixBlockLength,
  type TokenKey,
} from "./prefix-memory.js";
