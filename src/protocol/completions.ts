/** POST /v1/completions: plain continuation of a text, as OpenAI's older API has it. */
import { z } from "zod";
import { answerStatsSchema, completionUsageSchema, samplingFields } from "./shared.js";

const ids = z.array(z.number().int().min(0)).min(1);

export const completionRequestSchema = z
  .object({
    model: z.string().optional(),
    /** Each of several prompts gets `n` choices. As many as a batch is useful for. */
    // Ids first: each item of a list that is not as wanted costs an error.
    prompt: z.union([z.string(), ids, z.array(z.string()).min(1).max(128), z.array(ids).min(1).max(128)]),
    ...samplingFields,
    n: z.number().int().min(1).max(128).optional(),
    /** Who asks on the client's side: requests of one user get the same version. */
    user: z.string().max(512).optional(),
    stream: z.boolean().optional(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).optional(),
    /** How many of the likeliest tokens are reported. */
    logprobs: z.number().int().min(0).max(5).optional(), // OpenAI's most
    echo: z.literal(false, "expected false; the prompt is not repeated here").optional(),
    best_of: z.literal(1, "expected 1; ask for n choices and pick the best").optional(),
  })
  .meta({ id: "CompletionRequest" });
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

export const harmlessCompletionFields = ["stream_options.include_obfuscation"] as const;

const logprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number()),
    top_logprobs: z.array(z.record(z.string(), z.number())),
    /** Where each token begins in this choice's text, in UTF-16 units. */
    text_offset: z.array(z.number()),
  })
  .nullable();
export type TextLogprobs = z.infer<typeof logprobs>;

/** Streamed, each event is one of these too, with the text that has become certain. */
export const completionSchema = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.number(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.number(),
        text: z.string(),
        logprobs,
        finish_reason: z.enum(["stop", "length", "content_filter"]).nullable(),
      }),
    ),
    usage: completionUsageSchema.nullish(),
    ocellus: answerStatsSchema.optional(),
  })
  .meta({ id: "Completion" });
export type Completion = z.infer<typeof completionSchema>;
