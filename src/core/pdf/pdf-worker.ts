/** The script of a PDF thread: opens one document, then gives page after page as pixels and text. See pdf.ts. */
import type { PDFiumDocument } from "@hyzyla/pdfium";
import { invariant, OcellusError, optionalPackage } from "../base/index.js";
import type { RgbImage } from "../image/spec/index.js";
import { serve } from "../worker/index.js";
import { withinPage } from "./pdf-module.js";
import { notesOf, type PdfNotes } from "./pdf-notes.js";
import { type PdfText, textOf } from "./pdf-text.js";

export interface PdfPage {
  readonly text: string;
  readonly image: RgbImage;
}

let document: PDFiumDocument | undefined;

async function openDocument(bytes: Uint8Array): Promise<number> {
  const { PDFiumLibrary } = await optionalPackage("@hyzyla/pdfium", "a PDF", () => import("@hyzyla/pdfium"));
  const library = await PDFiumLibrary.init();
  document = await library.loadDocument(bytes);
  return document.getPageCount();
}

/** A page's text with its boxes, and what its form and its notes say; nothing is drawn. */
async function readText(number: number): Promise<PdfText & PdfNotes> {
  const page = pageOf(number);
  try {
    return { ...textOf(page), ...notesOf(document!, page) };
  } finally {
    const { module, pageIdx } = withinPage(page);
    module._FPDF_ClosePage(pageIdx);
  }
}

function pageOf(number: number) {
  invariant(document, "pages are asked for after the document was opened");
  return document.getPage(number - 1);
}

async function readPage(number: number, maxSide: number): Promise<PdfPage> {
  const page = pageOf(number);
  const text = [page.getText().trimEnd(), ...notesOf(document!, page).notes].join("\n"); // before rendering, which closes the page
  const { originalWidth, originalHeight } = page.getOriginalSize();
  const scale = maxSide / Math.max(originalWidth, originalHeight);
  const [width, height] = [originalWidth, originalHeight].map((side) => Math.max(1, Math.round(side * scale)));
  const { data } = await page.render({ width: width!, height: height!, render: "bitmap", renderFormFields: true });
  return { text, image: { width: width!, height: height!, data: withoutAlpha(data) } };
}

/** The page was drawn on white: nothing shines through. */
function withoutAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}

/** PDFium's reason as it is, without the name of a fault of ours. */
async function reading<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    if (cause instanceof OcellusError) throw cause;
    throw new OcellusError("invalid_file", cause instanceof Error ? cause.message : String(cause));
  });
}

const methods = {
  open: (bytes: Uint8Array) => reading(openDocument(bytes)),
  page: (number: number, maxSide: number) => reading(readPage(number, maxSide)),
  text: (number: number) => reading(readText(number)),
};
export type PdfMethods = typeof methods;

serve(() => methods);
