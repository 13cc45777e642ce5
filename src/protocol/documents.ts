/** POST /v1/ocellus/documents: the pages of a PDF as blocks and Markdown. */
import { z } from "zod";
import { guardReportsSchema } from "./guards.js";
import { notesSchema } from "./shared.js";

export const documentRequestSchema = z
  .object({
    /** A PDF as `data:application/pdf;base64,…`. */
    document: z.string().min(1),
    /** Numbers and ranges, as in "1-3,7,10-". Default: all. */
    pages: z.string().min(1).max(1000).optional(),
    /** "auto" (default): pages without text of their own are read as images; "always"; "never". */
    ocr: z.enum(["auto", "always", "never"]).optional(),
    /** Model that reads the pages that are read as images. Default: OCR, where the server has it. */
    model: z.string().optional(),
    /** A page in each event, as soon as it is read. */
    stream: z.boolean().optional(),
  })
  .meta({ id: "DocumentRequest" });

const placed = {
  /** Left, top, right, bottom in points from the top left corner of the page. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** The lowest of its lines, where they were read by OCR. */
  score: z.number().optional(),
};
const block = z.union([
  z.object({ kind: z.literal("heading"), level: z.number().int().min(1).max(4), text: z.string(), ...placed }),
  z.object({ kind: z.literal("item"), marker: z.string(), text: z.string(), ...placed }),
  z.object({ kind: z.literal("table"), rows: z.array(z.array(z.string())), ...placed }),
  z.object({ kind: z.enum(["paragraph", "code", "note", "margin", "markdown"]), text: z.string(), ...placed }),
]);

export const documentPageSchema = z
  .object({
    object: z.literal("ocellus.document.page"),
    page: z.number().int().min(1),
    /** Of the whole document. */
    num_pages: z.number().int(),
    /** Points. */
    width: z.number(),
    height: z.number(),
    /** Where its text comes from. */
    source: z.enum(["text", "ocr", "model", "none"]),
    markdown: z.string(),
    blocks: z.array(block),
    /** Shows something that nothing has read: a page without text, on a server without OCR, or with `ocr: "never"`. */
    is_unread: z.literal(true).optional(),
    /** The text of the page, or the model's answer, reached a limit before its end. */
    is_cut: z.literal(true).optional(),
    notes: notesSchema.optional(),
  })
  .meta({ id: "DocumentPage" });
export type WireDocumentPage = z.infer<typeof documentPageSchema>;

export const documentSchema = z
  .object({
    object: z.literal("ocellus.document"),
    num_pages: z.number().int(),
    pages: z.array(documentPageSchema),
    ocellus: z.object({ guards: guardReportsSchema }),
  })
  .meta({ id: "Document" });
export type WireDocument = z.infer<typeof documentSchema>;

/** Of one request: of a longer document, `pages` takes the next ones. */
export const mostPageImages = 16;

export const documentImagesRequestSchema = z
  .object({
    /** A PDF as `data:application/pdf;base64,…`. */
    document: z.string().min(1),
    /** Numbers and ranges, as in "1-3,7,10-". Default: all; of more than 16, the first 16. */
    pages: z.string().min(1).max(1000).optional(),
    /** Pixels of the longer side. Default 1600. */
    max_side: z.number().int().min(64).max(4096).optional(),
  })
  .meta({ id: "DocumentImagesRequest" });
export type DocumentImagesRequest = z.infer<typeof documentImagesRequestSchema>;

export const documentImagesSchema = z
  .object({
    object: z.literal("ocellus.document.images"),
    num_pages: z.number().int(),
    pages: z.array(
      z.object({
        page: z.number().int().min(1),
        width: z.number().int(),
        height: z.number().int(),
        /** `data:image/png;base64,…` */
        image_url: z.string(),
      }),
    ),
  })
  .meta({ id: "DocumentImages" });
export type WireDocumentImages = z.infer<typeof documentImagesSchema>;
