/** A question to a collection, as people ask it: with a picture, in words, or both. */

import { OcellusError } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import type { Collection } from "./collection.js";
import type { ImageEmbedder } from "./embedder.js";
import type { Hit } from "./entry-table.js";
import { checkModel } from "./intake.js";
import type { Where } from "./where.js";

export interface FindOptions {
  readonly image?: ImageInput | undefined;
  readonly text?: string | undefined;
  readonly count: number;
  readonly where?: Where | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A screen full of thumbnails, some times over. */
export const maxHits = 1000;

/**
 * By the picture's vector; by words, the text's vector where the model has a tower for texts, the stored texts where there
 * are some, or both. With a picture and words, the picture's vector and the stored texts.
 * @throws `invalid_request`, `unsupported` for words that nothing can be compared with; as `embedImage`, `admitText`.
 */
export async function find(
  collection: Collection,
  embedder: ImageEmbedder,
  { image, text: asked, count, where = {}, signal }: FindOptions,
): Promise<Hit[]> {
  checkModel(collection.info, embedder);
  if (image === undefined && asked === undefined)
    throw new OcellusError("invalid_request", "expected an image or a text to find");
  if (!(count >= 1 && count <= maxHits))
    throw new OcellusError("invalid_request", `expected 1 to ${maxHits} results to be asked for, found ${count}`);
  const text = asked === undefined ? undefined : await admitted(asked, embedder, image !== undefined);
  const words = text !== undefined && collection.hasTexts ? { words: text } : {};
  const vector = await vectorOf(embedder, image, text, signal).catch((error: unknown) => {
    if ((error as { code?: string }).code === "too_large" && image === undefined && collection.hasTexts)
      return undefined;
    throw error; // a question longer than the tower reads is looked for by its words alone
  });
  if (vector || "words" in words) return collection.search({ ...words, ...(vector && { vector }), count, where });
  throw new OcellusError(
    "unsupported",
    `${collection.info.name}: ${embedder.name} has no tower for texts and the entries have no text; ` +
      "search with an image, or make a collection with a model that embeds texts (--model: CLIP, SigLIP, Qwen3-VL-Embedding)",
    { details: { param: "text" } },
  );
}

/** Words that no tower reads are only compared with stored texts: no one else would look at them. */
async function admitted(text: string, { admitText, embedText }: ImageEmbedder, hasImage: boolean): Promise<string> {
  return admitText && (hasImage || !embedText) ? admitText(text) : text;
}

async function vectorOf(
  embedder: ImageEmbedder,
  image: ImageInput | undefined,
  text: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Float32Array | undefined> {
  if (image !== undefined) return embedder.embedImage(image, signal ? { signal } : {});
  return text === undefined ? undefined : embedder.embedText?.(text);
}
