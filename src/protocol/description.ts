/** GET /v1/ocellus/models/NAME/description: what is inside a loaded model, in the order of the data. Sizes in bytes. */
import { z } from "zod";

const dtypes = z.array(z.string());

/** Tensors of one name, shape and dtype; `*` stands for the number of the layer. */
const describedTensorSchema = z.object({
  name: z.string(),
  shape: z.array(z.number()),
  dtype: z.string(),
  count: z.number(),
});

const describedPartSchema = z.object({
  part: z.enum(["vision", "connector", "embedding", "text", "decoder", "head", "other"]),
  title: z.string(),
  num_parameters: z.number(),
  num_layers: z.number(),
  stored: z.object({ bytes: z.number(), dtypes }),
  /** As it was packed for this server. */
  loaded: z.object({ bytes: z.number(), dtypes }),
  tensors: z.array(describedTensorSchema),
});

const memorySchema = z.object({
  /** Of every format that the checkpoint can be loaded in. */
  formats: z.array(z.object({ weights: z.string(), block_size: z.number(), bytes: z.number() })),
  kv_bytes_per_thousand_tokens: z.number().optional(),
});

export const modelDescriptionSchema = z
  .object({
    object: z.literal("ocellus.model_description"),
    id: z.string(),
    num_parameters: z.number(),
    num_tensors: z.number(),
    parts: z.array(describedPartSchema),
    answers: z.array(z.object({ question: z.string(), answer: z.string(), tensor: z.string() })),
    memory: memorySchema,
  })
  .meta({ id: "ModelDescription" });

/** Every value of a checkpoint, and how far reading it is. */
export const examinationSchema = z
  .object({
    object: z.literal("ocellus.examination"),
    id: z.string(),
    state: z.enum(["unread", "running", "done", "failed"]),
    /** While it is read. */
    done_bytes: z.number().optional(),
    total_bytes: z.number().optional(),
    /** Where it cannot be. */
    problem: z.string().optional(),
    /** What the page of `ocellus inspect --html` is drawn from: findings, tensors with statistics, layers, memory. */
    report: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Examination" });
export type WireExamination = z.infer<typeof examinationSchema>;

export const examinationRequestSchema = z.strictObject({}).meta({ id: "ExaminationRequest" });

export type ModelDescription = z.infer<typeof modelDescriptionSchema>;
export type DescribedPart = ModelDescription["parts"][number];
