/** What the learned queries of a vision encoder weigh an image by: each one's mean over layers and heads, and that of all. */
import { type AttentionMap, fitBox, type ImageProcessor, viewsOf, wholeOf } from "../image/spec/index.js";
import type { PromptImage } from "../processor/portable.js";
import type { QueryAttention } from "./vision.js";

/** Undefined where no queries look. */
export function attentionMapOf(
  looks: readonly QueryAttention[],
  { grid, size }: Pick<PromptImage, "grid" | "size">,
  imageProcessor: ImageProcessor,
): AttentionMap | undefined {
  if (looks.length === 0) return undefined;
  const { rows, columns } = viewsOf(grid).at(wholeOf(grid))!;
  const weights = new Float32Array(rows * columns);
  for (const { numHeads, numQueries, numKeys, probabilities } of looks) {
    const share = 1 / (looks.length * numHeads * numQueries);
    for (let from = 0; from < probabilities.length; from += numKeys)
      for (let i = 0; i < weights.length; i++) weights[i]! += probabilities[from + i]! * share;
  }
  return { rows, columns, weights, area: areaOf({ rows, columns }, size, imageProcessor) };
}

/** Of each query the mean over layers and heads, [rows · columns], of the view that shows the whole image. */
export function queryMaps(looks: readonly QueryAttention[], numCells: number): Float32Array[] {
  const { numQueries } = looks[0]!;
  return Array.from({ length: numQueries }, (_, query) => {
    const map = new Float32Array(numCells);
    for (const { numHeads, numKeys, probabilities } of looks)
      for (let head = 0; head < numHeads; head++) {
        const from = (head * numQueries + query) * numKeys;
        for (let i = 0; i < numCells; i++) map[i]! += probabilities[from + i]! / (looks.length * numHeads);
      }
    return map;
  });
}

/** Where the image stands among the patches. One kind alone pads; the others bring the image to all of their patches. */
export function areaOf(
  { rows, columns }: Pick<AttentionMap, "rows" | "columns">,
  size: PromptImage["size"],
  imageProcessor: ImageProcessor,
): AttentionMap["area"] {
  if (imageProcessor.kind !== "fit" || !size) return { left: 0, top: 0, width: columns, height: rows };
  const { patchSize } = imageProcessor;
  const { left, top, width, height } = fitBox(size, imageProcessor);
  return { left: left / patchSize, top: top / patchSize, width: width / patchSize, height: height / patchSize };
}
