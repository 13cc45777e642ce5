export {
  EncoderCache,
  type EncoderCacheOptions,
  type EncoderCacheStats,
  type FeatureSource,
  type FoundFeatures,
} from "./encoder/encoder-cache.js";
export { digestOf, type EncoderCacheKeyParts, encoderCacheKey } from "./encoder/encoder-cache-key.js";
export type { Features } from "./encoder/feature-record.js";
export { type Comparer, CompareThread } from "./near/comparer.js";
export type { Fingerprint, QueryImage } from "./near/fingerprint.js";
export { ImageTable, type KnownImage } from "./near/image-table.js";
export { type CachedNearDuplicate, type NearDuplicate, NearDuplicates } from "./near/near-duplicates.js";
export {
  type CachedBlocks,
  PrefixCache,
  type PrefixCacheOptions,
  prefixBlockLength,
  type TokenKey,
} from "./prefix/prefix-cache.js";
