/** An encoder cache with a folder behind it, in which encoded pictures outlive the process. */
import { DiskTier } from "./disk-tier.node.js";
import { EncoderCache, type EncoderCacheOptions } from "./encoder-cache.js";

export interface OpenEncoderCacheOptions extends EncoderCacheOptions {
  /** Where pictures are kept over a restart. Absent: nowhere. */
  readonly folder?: string;
  /** Of the folder. Default 4 GiB. */
  readonly maxFolderBytes?: number;
  /** For tests: the name of a record. */
  readonly nameOf?: (key: string) => string;
}

const defaultFolderBytes = 4 * 2 ** 30;

/** @throws `io` when the folder cannot be made, `unavailable` when another process has it. */
export async function openCache(options: OpenEncoderCacheOptions = {}): Promise<EncoderCache> {
  const { folder, maxFolderBytes: maxBytes = defaultFolderBytes, nameOf } = options;
  if (folder === undefined) return new EncoderCache(options);
  return new EncoderCache(options, await DiskTier.open({ folder, maxBytes, ...(nameOf && { nameOf }) }));
}
