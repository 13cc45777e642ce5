/** packed.json: what a packed model says of itself. */
import { z } from "zod";
import { weightsOptions } from "./plan.js";

/** Raised whenever what is written here changes; an older pack is then made anew. */
export const packVersion = 3;

export const packedFiles = {
  manifest: "packed.json",
  weights: "weights.safetensors",
  graph: (name: string) => `${name}.onnx`,
} as const;

const embeddingSchema = z.object({
  tensor: z.string(),
  scales: z.string().optional(),
  format: z.enum(["plain", "int8"]),
  block_size: z.union([z.literal(32), z.literal(64), z.literal(128)]).optional(),
});

export const manifestSchema = z.object({
  pack_version: z.literal(packVersion),
  model_type: z.string(),
  weights: z.enum([...weightsOptions, "auto"]),
  block_size: z.number(),
  zero_points: z.boolean(),
  source_digest: z.string(),
  /** Of decoders: their host reads token embeddings row by row. */
  embedding: embeddingSchema.optional(),
});

export type PackedManifest = z.infer<typeof manifestSchema>;
