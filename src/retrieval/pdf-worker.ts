/** The script of a PDF thread: opens one document, then gives page after page as pixels and text. See pdf.ts. */
import { parentPort } from "node:worker_threads";
import { type PDFiumDocument, PDFiumLibrary } from "@hyzyla/pdfium";
import { invariant } from "../core/base/index.js";
import type { PdfAnswer, PdfTask } from "./pdf.js";
import { notesOf } from "./pdf-notes.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;
let document: PDFiumDocument | undefined;

port.on("message", async (task: PdfTask) => {
  try {
    port.postMessage(task.kind === "open" ? await openDocument(task.bytes) : await readPage(task.number, task.maxSide));
  } catch (error) {
    port.postMessage({ failure: error instanceof Error ? error.message : String(error) } satisfies PdfAnswer);
  }
});

async function openDocument(bytes: Uint8Array): Promise<PdfAnswer> {
  const library = await PDFiumLibrary.init();
  document = await library.loadDocument(bytes);
  return { numPages: document.getPageCount() };
}

async function readPage(number: number, maxSide: number): Promise<PdfAnswer> {
  invariant(document, "pages are asked for after the document was opened");
  const page = document.getPage(number - 1);
  const text = [page.getText().trimEnd(), ...notesOf(document, page)].join("\n"); // before rendering, which closes the page
  const { originalWidth, originalHeight } = page.getOriginalSize();
  const scale = maxSide / Math.max(originalWidth, originalHeight);
  const [width, height] = [originalWidth, originalHeight].map((side) => Math.max(1, Math.round(side * scale)));
  const { data } = await page.render({ width: width!, height: height!, render: "bitmap", renderFormFields: true });
  return { page: { text, image: { width: width!, height: height!, data: withoutAlpha(data) } } };
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
