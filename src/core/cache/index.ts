export {
  EncoderCache,
  type EncoderCacheOptions,
  type EncoderCacheStats,
  type FeatureSource,
  type FoundFeatures,
} from "./encoder/encoder-cache.js";
export { digestOf, type EncoderCacheKeyParts, encoderCacheKey } from "./encoder/encoder-cache-key.js";
export type { Features } from "./encoder/feature-record.js";
export { ImageTable, type KnownImage } from "./encoder/image-table.js";
export { TinyLfu } from "./encoder/tiny-lfu.js";
export { PrefixCache, type PrefixCacheOptions, prefixBlockLength } from "./prefix/prefix-cache.js";
export { type CachedBlocks, nothingCached, type PromptCache, type TokenKey } from "./prefix/prompt-cache.js";
export { SnapshotCache } from "./prefix/snapshot-cache.js";
