/** Pages read by OCR. Text that does not run from left to right is turned, as that of a file is. */
import type { RgbImage } from "../core/image/spec/index.js";
import type { TextReader } from "../core/runtime/index.js";
import type { ImageReader } from "./read-pages.js";

export function ocrReader(reader: Pick<TextReader, "read">, options: { readonly minScore?: number } = {}): ImageReader {
  return {
    source: "ocr",
    async lines(page: RgbImage, signal?: AbortSignal) {
      const { lines, isComplete } = await reader.read(page, { ...options, ...(signal && { signal }) });
      const pieces = lines.map(({ text, box, score, quad: [[x1, y1], [x2, y2]] }) => ({
        ...{ text, box, score, isTurned: x2 - x1 < Math.abs(y2 - y1) },
      }));
      return { lines: pieces, isCut: !isComplete };
    },
  };
}
