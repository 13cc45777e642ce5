/** POST /v1/ocellus/text: the lines of text in an image. */
import { z } from "zod";
import { matchRequestSchema } from "./collections.js";
import { guardReportsSchema } from "./guards.js";

export const imageTextRequestSchema = z
  .object({
    image_url: matchRequestSchema.shape.image_url,
    /** Less certain lines are left out. Default 0.5. */
    min_score: z.number().min(0).max(1).optional(),
  })
  .meta({ id: "ImageTextRequest" });
export type ImageTextRequest = z.infer<typeof imageTextRequestSchema>;

const point = z.tuple([z.number(), z.number()]);
const lineSchema = z.object({
  text: z.string(),
  /** Mean probability of its characters. */
  score: z.number(),
  /** Left, top, right, bottom around it, in pixels of the image as it is shown. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Its corners, clockwise, from the top left of the text as it is read. */
  quad: z.tuple([point, point, point, point]),
  /** Where it begins in `text`. */
  start: z.number().int(),
});

export const imageTextSchema = z
  .object({
    object: z.literal("ocellus.image.text"),
    width: z.number().int(),
    height: z.number().int(),
    /** In the order of reading. */
    lines: z.array(lineSchema),
    /** All lines; those of one row are parted by a space. */
    text: z.string(),
    /** False where there were more lines than are read. */
    is_complete: z.boolean(),
    ocellus: z.object({ guards: guardReportsSchema }),
  })
  .meta({ id: "ImageText" });
export type WireImageText = z.infer<typeof imageTextSchema>;
