/** POST /v1/ocellus/attention: where a model looks in its images as it writes each token of an answer. */
import { z } from "zod";
import { chatRequestSchema } from "./chat.js";
import { guardReportsSchema } from "./guards.js";

const { model, messages, min_pixels, max_pixels } = chatRequestSchema.shape;

export const attentionRequestSchema = z
  .object({
    model,
    /** A conversation that ends with the assistant's answer. */
    messages,
    /** Of which layer of the decoder, counted from 0. Absent: the mean of all. */
    layer: z.number().int().min(0).max(4096).optional(),
    min_pixels,
    max_pixels,
  })
  .meta({ id: "AttentionRequest" });
export type AttentionRequest = z.infer<typeof attentionRequestSchema>;

const lookSchema = z.object({
  rows: z.number(),
  columns: z.number(),
  /** Where the image stands among the cells, counted in these; the rest is padding: left, top, width, height. */
  area: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Of the token's whole attention what lies on this image. */
  share: z.number(),
  /** In base64 a byte for each cell, row by row: 255 for the one that was looked at most. */
  weights: z.string(),
});

export const attentionSchema = z
  .object({
    object: z.literal("ocellus.attention"),
    model: z.string(),
    num_layers: z.number(),
    /** Of the answer; each with a look for each image of the conversation, in their order. */
    tokens: z.array(z.object({ text: z.string(), images: z.array(lookSchema) })),
    ocellus: z.object({ guards: guardReportsSchema }),
  })
  .meta({ id: "Attention" });
export type WireAttention = z.infer<typeof attentionSchema>;
export type WireLook = z.infer<typeof lookSchema>;
