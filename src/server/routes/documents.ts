/** POST /v1/ocellus/documents: the pages of a PDF as blocks and Markdown, each behind the guardrails, at once or as a stream. */
import { OcellusError } from "../../core/base/index.js";
import { PdfDocument } from "../../core/pdf/index.js";
import {
  admittedPage,
  type DocumentPage,
  type ImageReader,
  markdownOf,
  modelReader,
  ocrReader,
  pagesOf,
  readPages,
} from "../../documents/index.js";
import {
  documentPageSchema,
  documentRequestSchema,
  documentSchema,
  type WireDocument,
  type WireDocumentPage,
  wireGuardReports,
} from "../../protocol/index.js";
import { pdfOf, toRequestError } from "../pdf-input.js";
import type { App, RequestContext } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";
import { type SseEvent, streamEvents } from "../sse.js";

/** Some minutes for pages with text; of a longer document, `pages` takes the next ones. */
const mostPages = 500;
/** Of an answer at once, which is held whole: 500 pages of a book have some millions. */
const mostCharacters = 2 ** 25;

type DocumentRequest = ReturnType<typeof documentRequestSchema.parse>;

export function addDocuments(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/documents",
      summary: "The pages of a PDF as blocks in reading order and as Markdown.",
      request: documentRequestSchema,
      answer: documentSchema,
      event: documentPageSchema,
    },
    async (c, request) => {
      const context = c.get("context");
      const pages = wirePages(request, services, context);
      if (request.stream) return streamEvents(c, events(pages));
      const found = await collected(pages);
      return c.json({
        ...{ object: "ocellus.document", num_pages: found[0]!.num_pages, pages: found },
        ocellus: { guards: wireGuardReports(context.guardReports) },
      } satisfies WireDocument);
    },
  );
}

/** @throws `too_large` */
export async function collected(pages: AsyncIterable<WireDocumentPage>): Promise<WireDocumentPage[]> {
  const found: WireDocumentPage[] = [];
  let numCharacters = 0;
  for await (const page of pages) {
    numCharacters += JSON.stringify(page).length;
    if (numCharacters > mostCharacters)
      throw new OcellusError(
        "too_large",
        `the pages from ${page.page} on make the answer longer than ${mostCharacters} characters; ask with "stream": true, or for fewer "pages"`,
        { details: { param: "pages", page: page.page, limit: mostCharacters } },
      );
    found.push(page);
  }
  return found;
}

async function* events(pages: AsyncGenerator<WireDocumentPage>): AsyncGenerator<SseEvent> {
  for await (const data of pages) yield { data };
}

/** @throws as `PdfDocument.open`; `too_large`, `overloaded`, `blocked`. */
async function* wirePages(
  { document, pages = "1-", ocr, model }: DocumentRequest,
  services: Services,
  context: RequestContext,
): AsyncGenerator<WireDocumentPage> {
  const { signal, caller, stats } = context;
  if (ocr === "never" && model !== undefined) throw contradiction();
  const reader = model === undefined ? ocrOf(services) : await queuedReader(model, services, context);
  const permit = await services.documents.enter(caller);
  stats.queueMs = (stats.queueMs ?? 0) + permit.queueMs;
  try {
    const pdf = await PdfDocument.open(pdfOf(document, "document"), "the document").catch(toRequestError("document"));
    try {
      const numbers = pagesOf(pages, pdf.numPages);
      if (numbers.length > mostPages) throw tooMany(numbers.length);
      const admit = (text: string) => services.guards.admitText(text, signal);
      const read = readPages(pdf, { pages: numbers, reader, signal, ...(ocr && { ocr }) });
      for await (const page of read) yield wirePage(await admittedPage(page, admit), pdf.numPages);
    } catch (error) {
      toRequestError("document")(error);
    } finally {
      await pdf.close();
    }
  } finally {
    permit.release();
  }
}

function contradiction(): OcellusError {
  return new OcellusError(
    "invalid_request",
    "model: reads pages as images, which ocr: never forbids; leave one of both out",
    {
      details: { param: "model" },
    },
  );
}

/** OCR, opened for the first page that needs it. */
function ocrOf({ ocr }: Services): () => Promise<ImageReader | undefined> {
  return async () => {
    const reader = await ocr.open();
    return reader && ocrReader(reader);
  };
}

/** A model that takes its turn for every page, as other requests do. */
async function queuedReader(name: string, services: Services, context: RequestContext) {
  const { stats, caller } = context;
  const served = await services.models.answering(name, context);
  stats.model = served.id;
  const reader = modelReader(served.model);
  const inTurn: ImageReader = {
    source: "model",
    async markdown(image, signal) {
      const permit = await served.gate.enter(caller);
      stats.images = (stats.images ?? 0) + 1;
      const page = await reader.markdown(image, signal).finally(() => permit.release());
      for (const name of ["promptTokens", "completionTokens", "cachedTokens"] as const)
        stats[name] = (stats[name] ?? 0) + page.usage[name];
      return page;
    },
  };
  return async () => inTurn;
}

function wirePage({ isUnread, isCut, notes, blocks, ...page }: DocumentPage, num_pages: number): WireDocumentPage {
  return {
    ...{ object: "ocellus.document.page", ...page, num_pages, markdown: markdownOf(blocks) },
    blocks: blocks.map((block) => ({ ...block })) as WireDocumentPage["blocks"],
    ...(isUnread && { is_unread: isUnread }),
    ...(isCut && { is_cut: isCut }),
    ...(notes && { notes: [...notes] }),
  };
}

function tooMany(numPages: number): OcellusError {
  return new OcellusError(
    "too_large",
    `pages: ${numPages} pages, at most ${mostPages} are read by one request; ask for the next ones with "pages"`,
    { details: { param: "pages", numPages, limit: mostPages } },
  );
}
