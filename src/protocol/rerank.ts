/**
 * POST /v1/rerank as Jina, Cohere and vLLM have it: how well each document fits a query. Images are Jina's `{"image": …}` or
 * vLLM's `{"content": […]}`; a text and an image together are one document.
 */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";
import { contentInputSchema } from "./shared.js";

const side = z.union([
  z.string().min(1),
  contentInputSchema,
  z
    .object({ text: z.string().min(1).optional(), image: z.string().min(1).optional() })
    .refine(({ text, image }) => text !== undefined || image !== undefined, "expected text, image or content"),
]);
export type RerankSide = z.infer<typeof side>;

export const rerankRequestSchema = z
  .object({
    model: z.string().optional(),
    query: side,
    documents: z.array(side).min(1).max(1000), // as many as one call of published services takes
    /** Of the best. Default: all. */
    top_n: z.number().int().min(1).optional(),
    /** Whether the texts of the documents come back. Default true, as Jina's. */
    return_documents: z.boolean().optional(),
    /** What a document is to be to the query. */
    instruction: z.string().min(1).optional(),
  })
  .meta({ id: "RerankRequest" });

export const harmlessRerankFields = ["user", "query.content.image_url.detail", "documents.content.image_url.detail"];

export const rerankAnswerSchema = z
  .object({
    id: z.string(),
    object: z.literal("list"),
    model: z.string(),
    /** Best first; of equal ones the earlier. */
    results: z.array(
      z.object({
        index: z.number(),
        relevance_score: z.number(),
        document: z.object({ text: z.string() }).optional(),
      }),
    ),
    usage: z.object({ prompt_tokens: z.number(), total_tokens: z.number() }),
    ocellus: z.object({ guards: guardReportsSchema }),
  })
  .meta({ id: "RerankAnswer" });
export type RerankAnswer = z.infer<typeof rerankAnswerSchema>;
