/** Where a packed model's files come from: an address, or files that the caller has. */
import { memorySource, type OpenPackedOptions, openPackedUrl, type PackedSource } from "../../storage/web/index.js";

/** The address of a packed model's folder, or its files by their names. */
export type ModelFiles = string | Readonly<Record<string, Blob | Uint8Array<ArrayBuffer>>>;

export function openSource(files: ModelFiles, options: OpenPackedOptions): Promise<PackedSource> {
  return typeof files === "string" ? openPackedUrl(files, options) : memorySource(files);
}
