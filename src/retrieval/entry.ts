/** What a collection keeps of a picture beside its vector: where it came from, and what it can be found and filtered by. */
import { z } from "zod";

/** Labels of a catalogue; a page of text belongs into `text`. */
export const metadataSchema = z.record(
  z.string().min(1).max(64),
  z.union([z.string().max(1024), z.number(), z.boolean()]),
);
export type Metadata = Readonly<z.infer<typeof metadataSchema>>;

/** A page of dense print has some 6,000 characters; a screenshot's text less. */
export const maxTextLength = 50_000;

/** As it is in the log, under these names. */
export const entrySchema = z.object({
  id: z.number().int().min(0),
  /** A path, an address or a name: what the giver calls it. One picture a source and page. */
  source: z.string(),
  /** Of a document, counted from one. */
  page: z.number().int().optional(),
  text: z.string().optional(),
  metadata: metadataSchema.optional(),
  /** SHA-256 of the decoded pixels and their size: equal for the same picture in any file. */
  pixels: z.string(),
  width: z.number(),
  height: z.number(),
  /** Of the file, so that an unchanged one is not read again. */
  stamp: z.string().optional(),
  added: z.string(),
  /** Where a small copy of the picture lies among the collection's pictures. */
  image: z.object({ at: z.number().int(), bytes: z.number().int(), sha256: z.string() }),
});
export type Entry = Readonly<z.infer<typeof entrySchema>>;

export interface NewEntry extends Omit<Entry, "id" | "added" | "image"> {
  /** Length one. */
  readonly vector: Float32Array;
  /** A small copy of the picture, as WebP. */
  readonly image: Uint8Array;
}

/** `manual.pdf, page 3`. */
export function titleOf({ source, page }: Pick<Entry, "source" | "page">): string {
  return page === undefined ? source : `${source}, page ${page}`;
}
