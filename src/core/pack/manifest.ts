/** packed.json: what a packed model says of itself. */
import { z } from "zod";
import { fileListSchema } from "../storage/web/index.js";
import { embeddingWeightsOptions, prefillWeightsOptions, visionWeightsOptions, weightsOptions } from "./plan.js";

/** Raised whenever what is written here changes; an older pack is then packed again. */
export const packVersion = 7;

export const packedFiles = {
  manifest: "packed.json",
  weights: "weights.safetensors",
  /** Of `total` shards, counted from 1; their index has the name that checkpoints give it. */
  shard: (number: number, total: number) =>
    `weights-${String(number).padStart(5, "0")}-of-${String(total).padStart(5, "0")}.safetensors`,
  index: "model.safetensors.index.json",
  kvScales: "kv_scales.json",
  graph: (name: string) => `${name}.onnx`,
} as const;

const blockSizeSchema = z.union([z.literal(32), z.literal(64), z.literal(128)]);

const embeddingSchema = z.object({
  tensor: z.string(),
  format: z.enum(["plain", "int8", "int4"]),
  /** Of int8 and int4, as the next; zero points of int4 only. */
  block_size: blockSizeSchema.optional(),
  scales: z.string().optional(),
  zero_points: z.string().optional(),
});

const formatSchema = z.union([
  z.object({ kind: z.enum(["f32", "f16", "w8a8"]) }),
  z.object({ kind: z.enum(["int8", "int4"]), blockSize: blockSizeSchema, zeroPoints: z.boolean().optional() }),
  z.object({ kind: z.literal("nf4"), blockSize: z.literal(64), nested: z.boolean() }),
]);

export const manifestSchema = z.object({
  pack_version: z.literal(packVersion),
  model_type: z.string(),
  /** Of a part of the model: FamilyView. Absent: the whole. */
  view: z.enum(["classifier", "features"]).optional(),
  weights: z.enum([...weightsOptions, "auto"]),
  block_size: z.number(),
  zero_points: z.boolean(),
  vision_weights: z.enum(visionWeightsOptions),
  embedding_weights: z.enum(embeddingWeightsOptions),
  prefill_weights: z.enum(prefillWeightsOptions),
  /** Of weights "auto": the format of each matrix, by the first checkpoint tensor in it. */
  formats: z.record(z.string(), formatSchema).optional(),
  /** Of four-bit codes that make up for their losses. */
  calibration: z.object({ method: z.literal("gptq"), version: z.int(), digest: z.string() }).optional(),
  source_digest: z.string(),
  /** Of decoders: their host reads token embeddings row by row. */
  embedding: embeddingSchema.optional(),
  /** Of a model for the web: what pages fetch, and the digests by which they check it. */
  files: fileListSchema.optional(),
});

export type PackedManifest = z.infer<typeof manifestSchema>;
