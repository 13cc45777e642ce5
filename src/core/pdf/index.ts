export { isPdf, maxPdfBytes, PdfDocument } from "./pdf.js";
export type { PdfText } from "./pdf-text.js";
