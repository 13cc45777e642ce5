/**
 * Checkpoints for tests: small ones of any tensors, and sparse ones of any size, whose headers are real and whose data are
 * holes that take no disk.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "../core/checkpoint/index.js";
import { byteLength, bytesOf, elementCount, type Shape, toBFloat16Bits } from "../core/tensor/index.js";

/** Writes `model.safetensors` with bf16 tensors of these shapes, filled by `value` (default: a sine). */
export async function writeCheckpoint(
  folder: string,
  shapes: Readonly<Record<string, Shape>>,
  config?: unknown,
  value: (name: string, i: number) => number = (_, i) => Math.sin(i + 1),
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  if (config !== undefined) writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => value(name, i));
    return { name, dtype: "bf16" as const, shape, bytes: bytesOf(toBFloat16Bits(values)) };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}

/** Writes bf16 shards and their index without the data: all values are zero. Returns the bytes they stand for. */
export function writeSparseCheckpoint(
  folder: string,
  shapes: ReadonlyMap<string, Shape>,
  config: unknown,
  numShards = 4,
): number {
  mkdirSync(folder, { recursive: true });
  const weightMap: Record<string, string> = {};
  const perShard = Math.ceil(shapes.size / numShards);
  let totalBytes = 0;
  for (let shard = 0; shard < numShards; shard++) {
    const name = `model-${number(shard + 1)}-of-${number(numShards)}.safetensors`;
    const held = [...shapes].slice(shard * perShard, (shard + 1) * perShard);
    for (const [tensor] of held) weightMap[tensor] = name;
    totalBytes += writeSparseFile(join(folder, name), held);
  }
  const index = { metadata: { total_size: totalBytes }, weight_map: weightMap };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return totalBytes;
}

function writeSparseFile(path: string, tensors: readonly (readonly [string, Shape])[]): number {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + byteLength("bf16", shape);
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, "w");
  writeSync(file, Buffer.concat([length, json]));
  ftruncateSync(file, 8 + json.length + offset);
  closeSync(file);
  return offset;
}

function number(n: number): string {
  return String(n).padStart(5, "0");
}

/** The config of the 8B shapes of `qwen3_vl_resampler`: docs/models/qwen3_vl_resampler.md. */
export const config8B = {
  model_type: "qwen3_vl_resampler",
  image_token_id: 151_655,
  tie_word_embeddings: true,
  vision_config: { depth: 24, hidden_size: 1024, intermediate_size: 4096, num_heads: 16 },
  resampler_config: { num_hidden_layers: 2, num_attention_heads: 16, hidden_size: 1024, intermediate_size: 4096 },
  text_config: {
    ...{ vocab_size: 151_936, hidden_size: 4096, intermediate_size: 11_008, num_hidden_layers: 32 },
    ...{ num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128 },
  },
};
