/**
 * Pages to answer from: found in a collection, shown to the model before the question with a number each, and told to the
 * asker as citations.
 */

import type { OcellusError } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import { type ContentPart, image } from "../core/runtime/index.js";
import type { Collection } from "./collection.js";
import type { ImageEmbedder } from "./embedder.js";
import { titleOf } from "./entry.js";
import type { Hit } from "./entry-table.js";
import { find } from "./find.js";

export interface Citation {
  /** As it is in the prompt and, in square brackets, in an answer that cites. */
  readonly number: number;
  readonly id: number;
  readonly source: string;
  readonly page?: number;
  /** Digest of the picture's pixels: under the same id, a collection that was made again may hold another page. */
  readonly pixels: string;
  readonly score: number;
}

export interface PagesQuestion {
  readonly question: string;
  /** Of the question; the first is what is looked for. */
  readonly images: readonly ImageInput[];
  /** Most pages that are shown. */
  readonly numPages: number;
  /** Tokens that the model can read: text beside the pages takes half of them at most. */
  readonly maxLength: number;
  readonly signal?: AbortSignal | undefined;
}

/** A page of print; more of it is in the picture. */
const mostCharacters = 1500;

/** What stands before the question. Nothing found: no parts, no citations. @throws as `find`. */
export async function pagesFor(collection: Collection, embedder: ImageEmbedder, asked: PagesQuestion) {
  const { question, images, numPages, signal } = asked;
  const text = images.length === 0 || collection.hasTexts ? question : undefined;
  const hits = await find(collection, embedder, { image: images[0], text, count: numPages, signal });
  const characters = Math.min(mostCharacters, Math.floor(asked.maxLength / (2 * Math.max(1, hits.length))));
  const parts: ContentPart[] = [];
  for (const [i, hit] of hits.entries()) parts.push(...(await pageParts(collection, hit, i + 1, characters)));
  if (hits.length > 0) parts.push(words("Answer from these pages and name their numbers in square brackets.\n"));
  return { parts, citations: hits.map(citation) };
}

async function pageParts(collection: Collection, { entry }: Hit, number: number, characters: number) {
  const picture = await collection.image(entry.id).catch((error: OcellusError) => {
    if (error.code === "invalid_file") return undefined; // damaged: its words are left
    throw error;
  });
  const excerpt = entry.text === undefined ? "" : `${entry.text.slice(0, characters)}\n`;
  return [words(`[${number}] ${titleOf(entry)}\n`), ...(picture ? [image(picture)] : []), words(`\n${excerpt}`)];
}

function words(text: string): ContentPart {
  return { type: "text", text };
}

function citation({ entry: { id, source, page, pixels }, score }: Hit, i: number): Citation {
  return { number: i + 1, id, source, ...(page !== undefined && { page }), pixels, score };
}

/** `[1]`, `[1, 2]` and, as Chinese has them, `【1】` and `［1］`. */
const named = /[[［【](\d{1,4}(?: ?[,，、] ?\d{1,4})*)[\]］】]/g;

/** The numbers that an answer names. */
export function citedNumbers(answer: string): ReadonlySet<number> {
  return new Set([...answer.matchAll(named)].flatMap(([, numbers]) => numbers!.split(/[,，、]/).map(Number)));
}
