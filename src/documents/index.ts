export { admittedPage } from "./admitted.js";
export { markdownOf, plainTextOf } from "./markdown.js";
export { modelReader } from "./model-reader.js";
export { ocrReader } from "./ocr-reader.js";
export type { DocumentPage } from "./page.js";
export { type ImageReader, ocrChoices, pagesOf, readImage, readPages } from "./read-pages.js";
