/** `ocellus ask --collection NAME [PICTURE…] "QUESTION"`: the answer from the pages found for it, which are cited. */

import { printable } from "../../../core/base/index.js";
import { type ImageInput, image } from "../../../core/runtime/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import {
  type Citation,
  citedNumbers,
  embedderOf,
  type ImageEmbedder,
  pagesFor,
  titleOf,
} from "../../../retrieval/index.js";
import { type AnswerFlags, chatOptions } from "../../options.js";
import { coloursFor, printLine, type Terminal, writeWords } from "../../ui/terminal.js";
import { type CollectionsFlags, openCollection } from "../index/collections-option.js";
import { embedding, withEmbedder } from "../models/open-embedder.js";
import { type Answer, streamAnswer } from "./answer.js";

export interface CollectionFlags extends AnswerFlags, CollectionsFlags {
  readonly collection: string;
  readonly pages?: number;
  readonly embeddingModel?: string;
}

/** What a small model can look at in one prompt, and a person check. */
const defaultPages = 3;

export async function answerFromCollection(
  model: GuardedVisionLanguageModel,
  images: readonly ImageInput[],
  question: string,
  flags: CollectionFlags,
  terminal: Terminal,
): Promise<Answer & { citations: readonly (Citation & { cited: boolean })[] }> {
  const { signal } = terminal;
  const collection = await openCollection(flags.collection, flags, terminal);
  const { maxLength } = model.info;
  const asked = { question, images, numPages: flags.pages ?? defaultPages, maxLength, signal };
  const pages = (embedder: ImageEmbedder) => pagesFor(collection, embedder, asked);
  const { embeddingModel } = flags;
  const { parts, citations } =
    embeddingModel === undefined
      ? await pages(embedderOf(model))
      : await withEmbedder({ ...embedding(flags), model: embeddingModel }, terminal, pages);
  const content = [...parts, ...images.map((picture) => image(picture)), question];
  const user = { role: "user" as const, content };
  const messages = flags.system === undefined ? [user] : [{ role: "system" as const, content: flags.system }, user];
  const write = (text: string) => (flags.json ? undefined : writeWords(terminal, text));
  const answer = await streamAnswer(model, messages, chatOptions(flags, signal), write);
  const cited = citedNumbers(answer.text);
  return { ...answer, citations: citations.map((each) => ({ ...each, cited: cited.has(each.number) })) };
}

/** `[1] manual.pdf, page 3 (0.812)`, one a line; bright what the answer names. */
export function printCitations(citations: readonly (Citation & { cited: boolean })[], terminal: Terminal): void {
  const { dim } = coloursFor(terminal.stdout);
  for (const { number, score, cited, ...place } of citations) {
    const line = `[${number}] ${printable(titleOf(place))} (${score.toFixed(3)})`;
    printLine(terminal, cited ? line : dim(line));
  }
}
