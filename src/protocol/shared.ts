/** Parts of the wire that several routes share. Bounds of sampling options are the engine's to check; it names them. */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";

/** A stop string is held back from the stream while it may still come: long ones delay every answer. */
const stopString = z.string().min(1).max(1024);

export const samplingFields = {
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  top_k: z.number().optional(),
  min_p: z.number().optional(),
  repetition_penalty: z.number().optional(),
  presence_penalty: z.number().optional(),
  frequency_penalty: z.number().optional(),
  seed: z.union([z.int(), z.bigint()]).meta({ type: "integer", format: "int64" }).optional(),
  logit_bias: z.record(z.string(), z.number()).optional(),
  stop: z.union([stopString, z.array(stopString).max(16)]).optional(), // OpenAI takes 4; others more
  max_tokens: z.number().int().min(1).optional(),
};

/** Our own wishes of a request, under the key `ocellus`. */
const ownRequestSchema = z.strictObject({
  /** "near": pictures may be answered for by kept ones that look the same. Default: what the server was started with. */
  reuse: z.enum(["exact", "near"]).optional(),
});

/** Pages to answer from: found in a collection of this server, shown before the question, cited in the answer's `ocellus`. */
export const ownQuestionSchema = ownRequestSchema
  .extend({
    collection: z.string().optional(),
    pages: z.number().int().min(1).max(64).optional(), // as many pictures as one prompt may have
    /** Most tokens of each image, where the model's tokens have an area. */
    image_tokens: z.number().int().min(1).optional(),
    /** Whether the answer says how sure each field of its JSON is. */
    fields: z.boolean().optional(),
    /** Whether the answer's boxes and points are given in pixels of the question's one image. */
    boxes: z.boolean().optional(),
    /** Whether each leaf of a JSON answer is asked for with its box, which is given apart. */
    cite_fields: z.boolean().optional(),
    /** Whether fields of JSON that the model is not sure of are asked for again of the part of the image where they stand. */
    zoom: z
      .union([
        z.boolean(),
        z.strictObject({ threshold: z.number().optional(), max_questions: z.number().int().optional() }),
      ])
      .optional(),
  })
  .refine(({ collection, pages }) => pages === undefined || collection !== undefined, {
    path: ["pages"],
    message: "of which collection? name it in `collection`",
  });

const partOfInput = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string().min(1) }),
  z.object({ type: z.literal("image_url"), image_url: z.union([z.string(), z.object({ url: z.string() })]) }),
]);

/** "auto" is what the request's other bounds say, "high" too: all that the checkpoint takes, where they say nothing. */
export const imageDetailSchema = z.enum(["low", "high", "auto"]);

/** What is embedded or judged as one: vLLM's and Cohere's way to say it. */
export const contentInputSchema = z.object({
  content: z.union([z.string().min(1), z.array(partOfInput).min(1).max(256)]), // as a chat message
});
export type ContentInput = z.infer<typeof contentInputSchema>;

export const completionUsageSchema = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
  /** Of the prompt's, those that were not read again. */
  prompt_tokens_details: z.object({ cached_tokens: z.number() }),
  /** Absent: the model had nothing to think. */
  completion_tokens_details: z.object({ reasoning_tokens: z.number() }).optional(),
});
export type CompletionUsage = z.infer<typeof completionUsageSchema>;

/** A page that an answer was given from. */
const citationSchema = z.object({
  /** As it stood in the prompt. */
  number: z.number(),
  id: z.number(),
  source: z.string(),
  page: z.number().optional(),
  /** As of the entry: SHA-256 of the decoded pixels. */
  pixels: z.string(),
  score: z.number(),
  /** Whether the answer names the number in square brackets. */
  cited: z.boolean(),
});

/** How sure a leaf of a JSON answer is. */
const fieldConfidenceSchema = z.object({
  kind: z.enum(["enum", "boolean", "number", "string", "null"]),
  probability: z.number(),
  /** The probability less that of the most likely other value. */
  margin: z.number(),
  alternatives: z
    .array(
      z.object({
        value: z.unknown().optional(),
        /** Where only the first characters of the other value are known. */
        starts_with: z.string().optional(),
        probability: z.number(),
      }),
    )
    .optional(),
  calibrated: z.boolean().optional(),
});

const box = z.array(z.number()).length(4);
const point = z.array(z.number()).length(2);
/** A box (left, top, right, bottom) or a point (x, y), in pixels of the image as viewers show it. */
const foundPlaceSchema = z.object({
  label: z.string().optional(),
  /** JSON pointer of the value that stands there. */
  field: z.string().optional(),
  box: box.optional(),
  point: point.optional(),
  /** The same in the rows of the file, where EXIF says that they are to be turned. */
  stored_box: box.optional(),
  stored_point: point.optional(),
});

const zoomedValueSchema = z.object({ value: z.unknown(), probability: z.number() });
/** A field that was asked again, of which part of the image and why that one, and which of the two answers was kept. */
const zoomedFieldSchema = z.object({
  field: z.string(),
  region: box,
  by: z.enum(["box", "attention", "image"]),
  before: zoomedValueSchema,
  after: zoomedValueSchema.optional(),
  kept: z.enum(["before", "after"]),
});

/** What of the request the model was not trained for: unlike or too many images, answers in JSON, tools; in a line for a person. */
export const notesSchema = z.array(
  z.object({
    kind: z.enum(["unlike_images", "many_images", "thinking_budget", "json", "tools"]),
    text: z.string(),
    /** What would help. */
    command: z.string().optional(),
  }),
);

/** Everything that OpenAI's API has no word for. Times in milliseconds; of several choices, the first one's. */
export const answerStatsSchema = z
  .object({
    timings: z.object({
      queue_ms: z.number(),
      vision_ms: z.number(),
      first_token_ms: z.number(),
      total_ms: z.number(),
      tokens_per_second: z.number(),
      /** Verified drafts, the right ones among them, and tokens that a schema left no choice of (speculative decoding). */
      drafted_tokens: z.number().optional(),
      accepted_tokens: z.number().optional(),
      forced_tokens: z.number().optional(),
    }),
    /** Of the checkpoint and its packing: equal digests answer alike. */
    model_version: z.string(),
    /** In the order of the prompt. `sha256` is of the decoded pixels; `cached`: encoded for an earlier request. */
    images: z.array(
      z.object({
        sha256: z.string(),
        cached: z.boolean(),
        /** Absent: an engine elsewhere does not say. */
        tokens: z.number().optional(),
        /** Width and height of the file, upright, and of what the model was shown, all tiles or slices together. */
        sent_size: z.tuple([z.number(), z.number()]).optional(),
        shown_size: z.tuple([z.number(), z.number()]).optional(),
        /** Whether it was shown with fewer pixels than it was sent. */
        shrunk: z.boolean().optional(),
        /** How like the images of training it is, where the checkpoint says so; below the threshold the answer is a guess. */
        familiarity: z.object({ score: z.number(), threshold: z.number() }).optional(),
      }),
    ),
    notes: notesSchema.optional(),
    /** Every guard that looked at the question or at the answer, in its version. */
    guards: guardReportsSchema,
    /** What was not done again. */
    cache: z.object({
      /** "near": another picture answers for one; "hit": none had to be encoded; "miss": one had; "none": there was none. */
      vision: z.enum(["near", "hit", "miss", "none"]),
      /** Tokens of the prompt that were not read again. */
      prefix_tokens: z.number(),
      /** In the order of the prompt; `from` "prefix": the decoder itself had read the image before; "engine": an engine elsewhere had it. */
      images: z.array(
        z.object({
          sha256: z.string(),
          from: z.enum(["prefix", "memory", "disk", "encoded", "near", "engine"]),
          /** The picture that answers for this one, and how alike they are at a glance (a cosine). */
          near: z.object({ sha256: z.string(), similarity: z.number() }).optional(),
        }),
      ),
    }),
    /** Where a collection was asked. */
    citations: z.array(citationSchema).optional(),
    /** By JSON pointer, where `ocellus.fields` asked for it. */
    fields: z.record(z.string(), fieldConfidenceSchema).optional(),
    /** In the order of the answer, where `ocellus.boxes` or `ocellus.cite_fields` asked for them. */
    boxes: z.array(foundPlaceSchema).optional(),
    /** The fields that were asked again, where `ocellus.zoom` asked for it. */
    zoomed: z.array(zoomedFieldSchema).optional(),
  })
  .meta({ id: "OcellusFacts" });
export type AnswerStats = z.infer<typeof answerStatsSchema>;

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.number(),
    owned_by: z.string(),
    ocellus: z.object({
      kind: z.enum(["chat", "embedding", "reranker"]),
      model_type: z.string(),
      weights: z.string(),
      version: z.string(),
      vision: z.boolean(),
      tools: z.boolean(),
      /** What the boxes are counted in that it was trained to write. Absent: it was not. */
      places: z.enum(["thousandths", "scaled_pixels"]).optional(),
      /** With `scaled_pixels`: images are scaled to sides of multiples of `block` and an area between the bounds. */
      resize: z.object({ block: z.number(), min_pixels: z.number(), max_pixels: z.number() }).optional(),
      /** Whether it thinks before it answers. Absent: it does not. */
      thinking: z.enum(["hybrid", "always"]).optional(),
      /** What the server takes of them, where the model reads videos; `missing`: programs without which it reads none. */
      videos: z
        .object({
          max: z.number(),
          max_bytes: z.number(),
          max_seconds: z.number(),
          missing: z.array(z.string()).optional(),
        })
        .optional(),
      max_length: z.number(),
      device: z.string(),
      /** Bytes that a page fetches to run it itself. Absent: it is not offered to browsers. */
      browser_bytes: z.number().optional(),
    }),
  })
  .meta({ id: "Model" });
export type WireModel = z.infer<typeof modelSchema>;
export const modelListSchema = z
  .object({ object: z.literal("list"), data: z.array(modelSchema) })
  .meta({ id: "ModelList" });
