/**
 * A packed model on disk: standard ONNX graphs, one safetensors file they point into, the checkpoint's own side files,
 * and packed.json, which says what it is. Any ONNX Runtime program can load the graphs; our own reader the weights.
 */
import { z } from "zod";
import { OcellusError } from "../base/index.js";
import { type Checkpoint, joinPath, openCheckpoint } from "../checkpoint/index.js";
import type { WeightFormat } from "../graph/index.js";
import { type AnyFamily, familyOf } from "../models/index.js";
import { dequantizeRows } from "../quantize/index.js";
import { elementBytes, toFloat32 } from "../tensor/index.js";
import { weightsOptions } from "./plan.js";

/** Raised whenever what is written here changes; an older pack is then made anew. */
export const packVersion = 1;

export const packedFiles = {
  manifest: "packed.json",
  weights: "weights.safetensors",
  vision: "vision.onnx",
  decoder: "decoder.onnx",
} as const;

const embeddingSchema = z.object({
  tensor: z.string(),
  scales: z.string().optional(),
  format: z.enum(["plain", "int8"]),
  block_size: z.union([z.literal(32), z.literal(64), z.literal(128)]).optional(),
});

const manifestSchema = z.object({
  pack_version: z.literal(packVersion),
  model_type: z.string(),
  weights: z.enum(weightsOptions),
  block_size: z.number(),
  source_digest: z.string(),
  embedding: embeddingSchema,
});

export type PackedManifest = z.infer<typeof manifestSchema>;

export interface PackedModel {
  readonly path: string;
  readonly manifest: PackedManifest;
  readonly family: AnyFamily;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  readonly visionPath: string;
  readonly decoderPath: string;
  /** Side files of the checkpoint: tokenizer.json and its kin. */
  readonly files: Checkpoint;
  /** Rows of the token embedding table as float32 [ids.length, hidden_size], written into `out` from `offset`. */
  embed(ids: readonly number[], out: Float32Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** Is there a packed model in this folder? */
export async function isPacked(files: Checkpoint): Promise<boolean> {
  return (await files.readJson(packedFiles.manifest)) !== undefined;
}

/** @throws `invalid_file` when packed.json is missing, damaged or from another version. */
export async function openPacked(path: string): Promise<PackedModel> {
  const files = await openCheckpoint(path);
  try {
    const manifest = await readManifest(files, path);
    const family = familyOf({ model_type: manifest.model_type });
    const config: unknown = family.parseConfig(await files.readJson("config.json"));
    const { hiddenSize } = family.dimensions(config);
    return {
      path,
      manifest,
      family,
      config,
      files,
      visionPath: joinPath(path, packedFiles.vision),
      decoderPath: joinPath(path, packedFiles.decoder),
      embed: (ids, out, offset) => embedRows(files, manifest.embedding, hiddenSize, ids, out, offset),
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function readManifest(files: Checkpoint, path: string): Promise<PackedManifest> {
  const json = await files.readJson(packedFiles.manifest);
  const result = manifestSchema.safeParse(json);
  if (result.success) return result.data;
  const reason =
    json === undefined ? "it has no packed.json" : "its packed.json is damaged or from another Ocellus version";
  throw new OcellusError(
    "invalid_file",
    `${path} is not a packed model: ${reason}; run \`ocellus pack\` on the checkpoint`,
  );
}

type Embedding = PackedManifest["embedding"];

async function embedRows(
  files: Checkpoint,
  embedding: Embedding,
  hiddenSize: number,
  ids: readonly number[],
  out: Float32Array,
  offset: number,
): Promise<void> {
  const rows = await Promise.all(ids.map((id) => embedRow(files, embedding, hiddenSize, id)));
  for (const [i, row] of rows.entries()) out.set(row, offset + i * hiddenSize);
}

async function embedRow(
  files: Checkpoint,
  embedding: Embedding,
  hiddenSize: number,
  id: number,
): Promise<Float32Array> {
  if (embedding.format === "plain") {
    const bytes = await files.readRange(embedding.tensor, id * hiddenSize, (id + 1) * hiddenSize);
    return toFloat32(bytes, files.info(embedding.tensor)!.dtype);
  }
  const blockSize = embedding.block_size!;
  const blocks = Math.ceil(hiddenSize / blockSize);
  const [codes, scales] = await Promise.all([
    files.readRange(embedding.tensor, id * blocks * blockSize, (id + 1) * blocks * blockSize),
    files.readRange(embedding.scales!, id * blocks, (id + 1) * blocks),
  ]);
  return dequantizeRows({ codes, scales: toFloat32(scales, "f32") }, 1, hiddenSize, "int8", blockSize);
}

/** Bytes that one matrix takes in a packed model; what `pack` announces before it starts. */
export function storedBytes(format: WeightFormat, rows: number, columns: number): number {
  if (format.kind === "f32" || format.kind === "f16") return rows * columns * elementBytes(format.kind);
  const blocks = rows * Math.ceil(columns / format.blockSize);
  return blocks * ((format.blockSize * (format.kind === "int8" ? 8 : 4)) / 8 + 4);
}
