/** A store of encoded images, with a folder where one is named. */
import { type EncoderCache, openCache } from "../cache/index.js";
import type { MemoryOptions } from "./memory.js";

export function openEncoderCache(options: MemoryOptions = {}): Promise<EncoderCache> {
  const { encoderCacheBytes: maxBytes, encoderCacheFolder: folder, encoderCacheFolderBytes: maxFolderBytes } = options;
  return openCache({
    ...(maxBytes !== undefined && { maxBytes }),
    ...(options.pinnedBytes !== undefined && { maxPinnedBytes: options.pinnedBytes }),
    ...(folder !== undefined && maxFolderBytes !== 0 && { folder }),
    ...(maxFolderBytes !== undefined && { maxFolderBytes }),
  });
}
