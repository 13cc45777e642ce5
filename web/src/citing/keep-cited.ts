/**
 * The pages that an answer was given from, kept with it as they are now: a collection may change or go. Only the very page counts
 * that the model was shown, told by its pixels; what cannot be had is named without its picture.
 */
import type { AnswerStats } from "../../../src/protocol/index.js";
import { entryPicture, readEntry } from "../api.js";
import { readPicture } from "../pictures.js";
import { type Cited, type CitedPage, titleOf } from "./cited.js";

type Citation = NonNullable<AnswerStats["citations"]>[number];

/** The server's copies have sides of at most 1536 pixels: a tenth of this. */
const maxBytes = 8 * 2 ** 20;
/** A page of dense print. */
const maxText = 8000;

export async function keepCited(
  collection: string,
  citations: readonly Citation[],
  signal: AbortSignal,
): Promise<Cited> {
  const pages = citations.map((citation) => keepPage(collection, citation, signal));
  return { collection, pages: await Promise.all(pages) };
}

async function keepPage(collection: string, citation: Citation, signal: AbortSignal): Promise<CitedPage> {
  const { number, source, page, cited, id, pixels } = citation;
  const named = { number, source, cited, ...(page !== undefined && { page }) };
  try {
    const blob = await entryPicture(collection, { id, pixels }, signal);
    const { pixels: found, text } = await readEntry(collection, id, signal);
    if (found !== pixels || blob.size > maxBytes) return named;
    const picture = await readPicture(new File([blob], titleOf(named), { type: blob.type }));
    return { ...named, picture, bytes: blob.size, ...(text && { text: text.slice(0, maxText) }) };
  } catch {
    return named; // removed meanwhile, or stopped by the reader
  }
}
