/** POST /v1/ocellus/documents/images: pages of a PDF as images, for questions about them. No model reads them here. */
import { checkBytes } from "../../core/base/index.js";
import { encodePng } from "../../core/image/node/index.js";
import { PdfDocument } from "../../core/pdf/index.js";
import { pagesOf } from "../../documents/index.js";
import {
  documentImagesRequestSchema,
  documentImagesSchema,
  mostPageImages,
  type WireDocumentImages,
} from "../../protocol/index.js";
import { pdfOf, toRequestError } from "../pdf-input.js";
import type { App, RequestContext } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";

/** Letters of ten points are some twenty pixels high on a page of letter size. */
const defaultSide = 1600;

/** Of all images of an answer; in base64 a third more. Pages of letters have some 200 kB, scans some megabytes each. */
const maxImageBytes = 128 * 2 ** 20;

type Asked = ReturnType<typeof documentImagesRequestSchema.parse>;

export function addDocumentImages(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/documents/images",
      summary: "Pages of a PDF as images.",
      request: documentImagesRequestSchema,
      answer: documentImagesSchema,
    },
    async (c, request) => c.json(await pageImages(request, services, c.get("context"))),
  );
}

const tooManyBytes = {
  what: "the images of the pages",
  maxBytes: maxImageBytes,
  hint: "ask for fewer pages, or a smaller max_side",
  details: { param: "pages" },
};

/** @throws as `PdfDocument.open`; `too_large`, `overloaded`. */
async function pageImages(
  { document, pages = "1-", max_side = defaultSide }: Asked,
  { documents }: Services,
  { caller, signal, stats }: RequestContext,
): Promise<WireDocumentImages> {
  const permit = await documents.enter(caller);
  stats.queueMs = (stats.queueMs ?? 0) + permit.queueMs;
  try {
    const pdf = await PdfDocument.open(pdfOf(document, "document"), "the document").catch(toRequestError("document"));
    try {
      const drawn: WireDocumentImages["pages"] = [];
      let numBytes = 0;
      for (const page of pagesOf(pages, pdf.numPages).slice(0, mostPageImages)) {
        const { image } = await pdf.page(page, max_side, signal);
        const png = Buffer.from(await encodePng(image));
        numBytes += png.length;
        checkBytes(numBytes, tooManyBytes);
        const { width, height } = image;
        drawn.push({ page, width, height, image_url: `data:image/png;base64,${png.toString("base64")}` });
      }
      return { object: "ocellus.document.images", num_pages: pdf.numPages, pages: drawn };
    } catch (error) {
      return toRequestError("document")(error);
    } finally {
      await pdf.close();
    }
  } finally {
    permit.release();
  }
}
