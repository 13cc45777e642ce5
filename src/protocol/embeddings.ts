/** POST /v1/embeddings: directions of texts and pictures. Pictures are an extension: parts as in chat messages. */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";

const input = z.union([
  z.string().min(1),
  z.object({ type: z.literal("text"), text: z.string().min(1) }),
  z.object({
    type: z.literal("image_url"),
    image_url: z.union([z.string(), z.object({ url: z.string() })]),
  }),
]);
export type EmbeddingInput = z.infer<typeof input>;

export const embeddingRequestSchema = z
  .object({
    model: z.string().optional(),
    input: z.union([input, z.array(input).min(1).max(2048)]), // OpenAI's most
    encoding_format: z.enum(["float", "base64"]).optional(),
    dimensions: z.number().int().positive().optional(),
  })
  .meta({ id: "EmbeddingRequest" });

export const harmlessEmbeddingFields = ["user", "input.image_url.detail"] as const;

export const embeddingListSchema = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal("embedding"),
        index: z.number(),
        /** Numbers, or their little-endian float32 bytes in base64. Length one, so that a dot product is the cosine. */
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage: z.object({ prompt_tokens: z.number(), total_tokens: z.number() }),
    ocellus: z.object({ guards: guardReportsSchema }),
  })
  .meta({ id: "EmbeddingList" });
export type EmbeddingList = z.infer<typeof embeddingListSchema>;
