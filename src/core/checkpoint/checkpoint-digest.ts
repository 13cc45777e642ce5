/**
 * What a checkpoint is, as one short name for caches, without reading 17 GB: names, dtypes and shapes of all tensors,
 * the side files (config, tokenizer, chat template: a cache keeps copies of them), and of each weights file its size,
 * its time of change and samples of its bytes. An edit that keeps size, time and all samples would go unnoticed; tools
 * that edit weights in place change the time.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileDigest } from "../fs/index.js";
import type { Checkpoint } from "./checkpoint.js";

const numSamples = 64;
const sampleBytes = 4096;

/** Hexadecimal SHA-256. */
export async function checkpointDigest(checkpoint: Checkpoint): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([...checkpoint.names()].sort().map((name) => checkpoint.info(name))));
  for (const name of await checkpoint.sideFiles()) {
    hash.update(JSON.stringify([name, await fileDigest(join(checkpoint.path, name))]));
  }
  for (const { name, sizeBytes, mtimeMs } of checkpoint.files) {
    hash.update(JSON.stringify([name, sizeBytes, mtimeMs]));
    const length = Math.min(sampleBytes, sizeBytes);
    for (let i = 0; i < numSamples; i++) {
      const offset = Math.floor(((sizeBytes - length) * i) / (numSamples - 1));
      hash.update(await checkpoint.readFile(name, offset, length));
    }
  }
  if (checkpoint.adapterDigest !== undefined) hash.update(checkpoint.adapterDigest);
  return hash.digest("hex");
}
