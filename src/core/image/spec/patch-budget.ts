/**
 * To which size an image is brought that may become so many patches, whatever its aspect: the reference halves an interval of
 * scales, and what it stops at is the result, so its steps are part of the format.
 * [transformers image_processing_siglip2.py]
 */
import type { PatchBudgetProcessor, Sides } from "./image-processor.js";

/** The interval of scales, and where it is short enough. */
const [least, most, enough] = [1e-6, 100, 1e-5];

export function patchBudgetSize(
  image: Sides,
  { maxPatches, patchSize }: Pick<PatchBudgetProcessor, "maxPatches" | "patchSize">,
): Sides {
  const scaled = (side: number, scale: number) => Math.max(1, Math.ceil((side * scale) / patchSize));
  let [low, high] = [least, most];
  while (high - low >= enough) {
    const scale = (low + high) / 2;
    if (scaled(image.height, scale) * scaled(image.width, scale) <= maxPatches) low = scale;
    else high = scale;
  }
  return { width: scaled(image.width, low) * patchSize, height: scaled(image.height, low) * patchSize };
}
