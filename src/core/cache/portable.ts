/** What of this room runs in a browser too: all but the folder on disk. */
export { EncoderCache, type EncoderCacheStats, type FeatureSource } from "./encoder/encoder-cache.js";
export { encoderCacheKey } from "./encoder/encoder-cache-key.js";
export type { Features } from "./encoder/features.js";
export { ImageTable, type KnownImage } from "./encoder/image-table.js";
export { TinyLfu } from "./encoder/tiny-lfu.js";
export { PrefixCache, prefixBlockLength } from "./prefix/prefix-cache.js";
export { type CachedBlocks, nothingCached, type PromptCache, type TokenKey } from "./prefix/prompt-cache.js";
export { SnapshotCache } from "./prefix/snapshot-cache.js";
