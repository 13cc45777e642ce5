/**
 * POST /v1/embeddings: directions of texts and images. Images are an extension: parts as in chat messages, each an input of its own;
 * `content` is one input of several, and so is a conversation in `messages`, as vLLM has it.
 */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";
import { contentInputSchema } from "./shared.js";

const input = z.union([
  z.string().min(1),
  z.object({ type: z.literal("text"), text: z.string().min(1) }),
  z.object({
    type: z.literal("image_url"),
    image_url: z.union([z.string(), z.object({ url: z.string() })]),
  }),
  contentInputSchema,
]);
export type EmbeddingInput = z.infer<typeof input>;

export const embeddingRequestSchema = z
  .object({
    model: z.string().optional(),
    input: z.union([input, z.array(input).min(1).max(2048)]).optional(), // OpenAI's most
    /** In place of `input`: what a system message says is what the vector is for. */
    messages: z
      .array(
        z.discriminatedUnion("role", [
          z.object({ role: z.literal("system"), content: z.string().min(1) }),
          z.object({ role: z.literal("user"), content: contentInputSchema.shape.content }),
        ]),
      )
      .min(1)
      .max(2)
      .optional(),
    encoding_format: z.enum(["float", "base64"]).optional(),
    dimensions: z.number().int().positive().optional(),
  })
  .meta({ id: "EmbeddingRequest" });

export type EmbeddingRequest = z.infer<typeof embeddingRequestSchema>;

export const harmlessEmbeddingFields = [
  ...["user", "input.image_url.detail", "input.content.image_url.detail", "messages.content.image_url.detail"],
] as const;

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
