/** The index of a sharded checkpoint: which tensor is in which file. Its names are somebody else's, and checked. */
import { type FileJsonLimits, OcellusError, shorten } from "../base/index.js";

/** A tensor listed twice is refused; `metadata` is free-form and shallow. */
export const shardIndexLimits: FileJsonLimits = { maxDepth: 8, uniqueKeys: true };

/** The largest published checkpoints have some 200 shards, and all are open at once. */
const maxShards = 1024;

/** Tensor name → shard file. @throws `invalid_file` when a shard name could leave the folder. */
export function parseShardIndex(json: unknown, path: string): Map<string, string> {
  const map = (json as { weight_map?: unknown } | null | undefined)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new OcellusError(
      "invalid_file",
      `${path}: expected {"weight_map": {tensor: file}}, found ${shorten(JSON.stringify(json) ?? "nothing")}`,
    );
  }
  const shards = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || !isPlainFileName(file)) {
      const found = shorten(JSON.stringify(file));
      const message = `${path}: tensor ${shorten(tensor)} is said to lie in ${found}; a shard must be a plain file name in the same folder`;
      throw new OcellusError("invalid_file", message, { details: { tensor, file } });
    }
    shards.set(tensor, file);
  }
  if (shards.size === 0) throw new OcellusError("invalid_file", `${path}: weight_map is empty`);
  const numShards = new Set(shards.values()).size;
  if (numShards > maxShards) {
    const message = `${path}: weight_map names ${numShards} shards, the limit is ${maxShards}`;
    throw new OcellusError("too_large", message);
  }
  return shards;
}

function isPlainFileName(name: string): boolean {
  return name.length > 0 && name.length <= 255 && !/[/\\\0:]/.test(name) && name !== "." && name !== "..";
}
