export { type FileList, fileListSchema, maxFileBytes, partBytes, shardBytes } from "./file-list.js";
export {
  type DownloadProgress,
  type OpenPackedOptions,
  openPackedUrl,
  removeStoredModel,
  storedModels,
} from "./open-packed-url.js";
export { memorySource, type PackedSource } from "./packed-source.js";
