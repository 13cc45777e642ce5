/**
 * The functions of PDFium that the package carries and does not type: their names and arguments are those of PDFium's headers
 * (fpdfview.h, fpdf_text.h, fpdf_edit.h, fpdf_annot.h).
 */
import { invariant } from "../base/index.js";

export type Pointer = number;
/** Fills the buffer when it is large enough; gives the bytes that are needed, the closing zero among them. */
type Fill = (buffer: Pointer, numBytes: number) => number;

export interface Pdfium {
  readonly HEAPU8: Uint8Array; // made again when memory grows: never held over a call
  readonly HEAPF32: Float32Array;
  readonly HEAP32: Int32Array;
  readonly wasmExports: { malloc(numBytes: number): Pointer; free(at: Pointer): void };
  _FPDF_ClosePage(page: Pointer): void;
  /** Page, left, top, width and height of the device, quarter turns, x, y → where the device's x and y are written (int32). */
  _FPDF_PageToDevice(page: Pointer, ...numbers: readonly number[]): number;
  _FPDFPage_CountObjects(page: Pointer): number;
  _FPDFPage_GetObject(page: Pointer, index: number): Pointer;
  _FPDFPageObj_GetType(object: Pointer): number;
  _FPDFPageObj_GetBounds(object: Pointer, left: Pointer, bottom: Pointer, right: Pointer, top: Pointer): number;
  _FPDFText_LoadPage(page: Pointer): Pointer;
  _FPDFText_ClosePage(textPage: Pointer): void;
  _FPDFText_CountChars(textPage: Pointer): number;
  _FPDFText_GetUnicode(textPage: Pointer, index: number): number;
  _FPDFText_IsGenerated(textPage: Pointer, index: number): number;
  _FPDFText_IsHyphen(textPage: Pointer, index: number): number;
  _FPDFText_HasUnicodeMapError(textPage: Pointer, index: number): number;
  _FPDFText_GetTextObject(textPage: Pointer, index: number): Pointer;
  _FPDFText_GetFontSize(textPage: Pointer, index: number): number;
  _FPDFText_GetFontInfo(textPage: Pointer, index: number, buffer: Pointer, numBytes: number, flags: Pointer): number;
  _FPDFText_GetMatrix(textPage: Pointer, index: number, matrix: Pointer): number;
  _FPDFText_GetLooseCharBox(textPage: Pointer, index: number, box: Pointer): number;
  _FPDFPage_GetAnnotCount(page: Pointer): number;
  _FPDFPage_GetAnnot(page: Pointer, index: number): Pointer;
  _FPDFPage_CloseAnnot(annotation: Pointer): void;
  _FPDFAnnot_GetSubtype(annotation: Pointer): number;
  _FPDFAnnot_GetFlags(annotation: Pointer): number;
  _FPDFAnnot_GetStringValue(annotation: Pointer, key: Pointer, buffer: Pointer, numBytes: number): number;
  _FPDFAnnot_GetFormFieldType(form: Pointer, annotation: Pointer): number;
  _FPDFAnnot_GetFormFieldFlags(form: Pointer, annotation: Pointer): number;
  _FPDFAnnot_GetFormFieldName(form: Pointer, annotation: Pointer, buffer: Pointer, numBytes: number): number;
  _FPDFAnnot_GetFormFieldAlternateName(form: Pointer, annotation: Pointer, buffer: Pointer, numBytes: number): number;
  _FPDFAnnot_GetFormFieldValue(form: Pointer, annotation: Pointer, buffer: Pointer, numBytes: number): number;
}

/** Of the package's own classes, what is used where its types may be missing: it is optional. */
export interface PdfiumPage {
  getOriginalSize(): { readonly originalWidth: number; readonly originalHeight: number };
}
export interface PdfiumDocument {
  initializeFormFields(): Pointer;
}

/** What the package has made of a page: its functions, and the page's place in memory. */
export function withinPage(page: PdfiumPage): { readonly module: Pdfium; readonly pageIdx: Pointer } {
  const { module, pageIdx } = page as unknown as { module: Pdfium; pageIdx: Pointer };
  invariant(typeof module?._FPDFPage_GetAnnotCount === "function" && pageIdx, "PDFium's functions are within reach");
  return { module, pageIdx };
}

/** `work` with some bytes of PDFium's memory. */
export function withMemory<T>(module: Pdfium, numBytes: number, work: (at: Pointer) => T): T {
  const at = module.wasmExports.malloc(numBytes);
  try {
    return work(at);
  } finally {
    module.wasmExports.free(at);
  }
}

/** A text of UTF-16LE within `maxBytes`; a longer one is left out. */
export function readUtf16(module: Pdfium, maxBytes: number, fill: Fill): string {
  const numBytes = fill(0, 0);
  if (numBytes <= 2 || numBytes > maxBytes) return "";
  return withMemory(module, numBytes, (buffer) => {
    fill(buffer, numBytes);
    return new TextDecoder("utf-16le").decode(module.HEAPU8.slice(buffer, buffer + numBytes - 2));
  });
}
