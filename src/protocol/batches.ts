/** /v1/batches as OpenAI documents it: a file of requests, answered when there is room, in files of answers and of failures. */
import { z } from "zod";

const status = z.enum([
  ...["validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"],
] as ["validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"]);

/** Routes that a request of a batch may ask. */
const batchEndpoints = ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings"] as const;

/** A line of a batch's input. */
export const batchLineSchema = z.strictObject({
  custom_id: z
    .string()
    .min(1)
    .max(512) // a digest or a path; all of them are held in memory
    .regex(/^[^\0\p{Surrogate}]*$/u, "expected text without U+0000 and without half of a surrogate pair"), // no database takes them
  method: z.literal("POST"),
  url: z.enum(batchEndpoints),
  body: z.looseObject({ stream: z.literal(false, "expected false; a batch answer is one line").optional() }),
});
export type BatchLine = z.infer<typeof batchLineSchema>;

/** A line of its output, whose body is any answer. */
export interface BatchAnswer {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: unknown };
  readonly error: null;
}

export function batchAnswer(custom_id: string, status_code: number, request_id: string, body: unknown): BatchAnswer {
  const id = `batch_req_${request_id.replace(/^req_/, "").replaceAll("-", "") || custom_id}`;
  return { id, custom_id, response: { status_code, request_id, body }, error: null };
}

export const batchRequestSchema = z
  .object({
    input_file_id: z.string(),
    endpoint: z.enum(batchEndpoints),
    completion_window: z.literal("24h"),
    /** As OpenAI bounds it: for the client's own use, and given back. */
    metadata: z
      .record(z.string().max(64), z.string().max(512))
      .refine((given) => Object.keys(given).length <= 16, "expected at most 16 entries")
      .optional(),
  })
  .meta({ id: "BatchRequest" });

const time = z.number().optional();
export const batchSchema = z
  .object({
    id: z.string(),
    object: z.literal("batch"),
    endpoint: z.enum(batchEndpoints),
    input_file_id: z.string(),
    completion_window: z.literal("24h"),
    status,
    errors: z
      .object({
        object: z.literal("list"),
        data: z.array(
          z.object({
            code: z.string(),
            message: z.string(),
            line: z.number().nullable(),
            param: z.string().nullable(),
          }),
        ),
      })
      .optional(),
    /** Of answers. Absent: there is none. */
    output_file_id: z.string().optional(),
    /** Of failures. */
    error_file_id: z.string().optional(),
    created_at: z.number(),
    expires_at: z.number(),
    ...{ in_progress_at: time, finalizing_at: time, completed_at: time, failed_at: time, expired_at: time },
    ...{ cancelling_at: time, cancelled_at: time },
    request_counts: z.object({ total: z.number(), completed: z.number(), failed: z.number() }),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .meta({ id: "Batch" });
export type WireBatch = z.infer<typeof batchSchema>;

export const batchListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(batchSchema),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: "BatchList" });

export const batchListQuerySchema = z.object({
  after: z.string().optional(),
  limit: z.number().int().min(1).max(100).optional(), // OpenAI's most
});
