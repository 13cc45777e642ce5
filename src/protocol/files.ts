/** /v1/files: a picture sent once, asked many times. */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";

export const fileSchema = z
  .object({
    id: z.string(),
    object: z.literal("file"),
    bytes: z.number(),
    created_at: z.number(),
    filename: z.string(),
    purpose: z.string(),
    status: z.literal("processed"),
    /** `pinned`: encoded when it was sent, and kept so until it is deleted. */
    ocellus: z.object({ format: z.string(), sha256: z.string(), pinned: z.boolean() }),
  })
  .meta({ id: "File" });
export type WireFile = z.infer<typeof fileSchema>;

/** As it is stored, and what the guards said of it. */
export const uploadedFileSchema = fileSchema
  .extend({ ocellus: fileSchema.shape.ocellus.extend({ guards: guardReportsSchema }) })
  .meta({ id: "UploadedFile" });
export type WireUpload = z.infer<typeof uploadedFileSchema>;

export const fileListSchema = z
  .object({ object: z.literal("list"), data: z.array(fileSchema), has_more: z.literal(false) })
  .meta({ id: "FileList" });

export const fileDeletedSchema = z
  .object({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) })
  .meta({ id: "FileDeleted" });

/** A field of the form: whether the picture is encoded at once and kept so. */
export const filePinSchema = z.enum(["true", "false"], 'expected "true" or "false"');

/** What files are uploaded for: images to be asked about, and requests of a batch. Other purposes are other services: fine-tuning. */
export const filePurposeSchema = z.enum(
  ["vision", "user_data", "batch"],
  'expected "vision" or "user_data" (an image), or "batch"',
);
