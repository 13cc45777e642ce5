/** Pictures and PDFs of one request into a collection: all of them, or, when one is refused, none. */
import { OcellusError, throwIfAborted } from "../core/base/index.js";
import { PdfDocument } from "../core/pdf/index.js";
import { type NewWireEntry, refusal } from "../protocol/index.js";
import {
  type Collection,
  type Entry,
  type Intake,
  type NewEntry,
  pageIntake,
  prepareEntry,
} from "../retrieval/index.js";
import { imageResolver, type ResolveImage, urlOf } from "./images.js";
import { pdfOf, toRequestError } from "./pdf-input.js";
import type { RequestContext } from "./request-context.js";
import { withImageEmbedder } from "./with-image-embedder.js";

export interface AddedEntry {
  readonly entry: Entry;
  /** Id of an older entry with the same pixels. */
  readonly twin: number | undefined;
}

/** Each is drawn and encoded while the client waits: minutes. A longer document is for `ocellus index add`. */
const mostPages = 256;

/** @throws as `prepareEntry`, `PdfDocument.open`; `invalid_request`, `too_large`. */
export async function addEntries(
  collection: Collection,
  entries: readonly NewWireEntry[],
  upsert: boolean,
  context: RequestContext,
): Promise<AddedEntry[]> {
  const { services, stats } = context;
  const resolve = imageResolver(context);
  const { maxImageBytes: maxBytes, maxImagePixels: maxPixels } = services.config;
  const options = { maxBytes, maxPixels, signal: context.signal, decode: services.decode };
  const news: NewEntry[] = [];
  await withImageEmbedder(await services.models.makerOf(collection.info, context), context, async ({ embedder }) => {
    for (const entry of entries)
      for await (const intake of intakesOf(entry, resolve, context.signal)) {
        throwIfAborted(context.signal);
        if (news.length >= mostPages) throw tooMany();
        news.push(await prepareEntry(collection, embedder, intake, options));
      }
  });
  stats.images = (stats.images ?? 0) + news.length;
  const added = upsert
    ? (await collection.put(news, { whole: true })).map(({ entry }) => entry)
    : await collection.add(news);
  return added.map((entry) => ({
    entry,
    twin: collection.withPixels(entry.pixels).find(({ id }) => id < entry.id)?.id,
  }));
}

async function* intakesOf(
  { image_url, document, source, text, metadata }: NewWireEntry,
  resolve: ResolveImage,
  signal: AbortSignal,
): AsyncGenerator<Intake> {
  const labels = { source, ...(text !== undefined && { text }), ...(metadata && { metadata }) };
  if ((image_url === undefined) === (document === undefined))
    throw refusal("entries", `${source}: expected either image_url or document`);
  if (image_url !== undefined) {
    yield { ...labels, image: await resolve(urlOf(image_url)) };
    return;
  }
  const pdf = await PdfDocument.open(pdfOf(document!, "entries", `${source}: document`), source).catch(
    toRequestError("entries"),
  );
  try {
    for (let page = 1; page <= pdf.numPages; page++)
      yield await pageIntake(pdf, page, labels, signal).catch(toRequestError("entries"));
  } finally {
    await pdf.close();
  }
}

function tooMany(): OcellusError {
  return new OcellusError(
    "too_large",
    `at most ${mostPages} images and pages are added by one request; send more of them`,
  );
}
