/** `ocellus.collection` of a chat request: pages are found for its last question and put before it. */

import type { ChatMessage, ContentPart, ImageInput } from "../core/runtime/index.js";
import type { ChatRequest } from "../protocol/index.js";
import { type Citation, pagesFor } from "../retrieval/index.js";
import type { RequestContext } from "./request-context.js";
import type { ServedModel } from "./served.js";
import { collectionsOf } from "./services.js";
import { withImageEmbedder } from "./with-image-embedder.js";

/** What a small model can look at in one prompt. */
const defaultPages = 3;

interface Paged {
  readonly messages: readonly ChatMessage[];
  /** Absent: no collection was asked. */
  readonly citations?: readonly Citation[];
}

/** @throws as `find`, `not_found`. */
export async function withPages(
  { ocellus: asked }: ChatRequest,
  messages: readonly ChatMessage[],
  { model }: ServedModel,
  context: RequestContext,
): Promise<Paged> {
  const last = messages.findLastIndex(({ role }) => role === "user");
  if (asked?.collection === undefined || last < 0) return { messages };
  const collection = await collectionsOf(context.services).open(asked.collection);
  const parts = partsOf(messages[last]!);
  const question = parts
    .flatMap((part) => (typeof part === "object" && part.type === "text" ? [part.text] : []))
    .join("\n");
  const images = parts.flatMap((part): ImageInput[] =>
    typeof part === "object" && part.type === "image" ? [part.image] : [],
  );
  const { maxLength } = model.info;
  const numPages = asked.pages ?? defaultPages;
  const found = await withImageEmbedder(
    await context.services.models.makerOf(collection.info, context),
    context,
    ({ embedder }) => pagesFor(collection, embedder, { question, images, numPages, maxLength, signal: context.signal }),
  );
  const shown = { ...messages[last]!, content: [...found.parts, ...parts] };
  return { messages: messages.with(last, shown), citations: found.citations };
}

function partsOf({ content }: ChatMessage): readonly ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : (content as readonly ContentPart[]);
}
