/**
 * Looking at pictures where near-duplicates may answer: a picture that shows nothing which a kept one does not is taken for the kept
 * one before the prompt is written, digest, grid and all, so that features and prefixes are found as if that had been sent.
 */
import type { SeenImage } from "../core/image/node/index.js";
import { type PixelValues, pixelsToImage } from "../core/image/spec/index.js";
import type { SeeImage } from "../core/processor/index.js";
import type { CachedImages } from "../core/runtime/index.js";
import type { Fingerprint } from "./fingerprint.js";
import type { NearDuplicates } from "./near-duplicates.js";

export function seeNear(see: SeeImage, near: NearDuplicates, { features, keyOf }: CachedImages): SeeImage {
  return async (image, imageProcessor, options) => {
    const seen = await see(image, imageProcessor, options);
    const key = keyOf(seen);
    const isKnown = (await features.find(key)) !== undefined;
    if (isKnown && near.has(key)) return seen;
    const scope = JSON.stringify(imageProcessor); // with the request's pixel budget: another one's pictures have other tokens
    const pixels = await seen.pixels();
    const look = await near.look(pixels.own ?? pixelsToImage(pixels, imageProcessor));
    const other = isKnown ? undefined : await standIn(seen, scope, look, near, features);
    if (other) return other;
    near.add(scope, { key, digest: seen.digest, grid: seen.grid }, look);
    return { ...seen, pixels: async (): Promise<PixelValues> => pixels }; // not decoded twice
  };
}

async function standIn(
  seen: SeenImage,
  scope: string,
  look: Fingerprint,
  near: NearDuplicates,
  features: CachedImages["features"],
): Promise<SeenImage | undefined> {
  const found = await near.find(scope, look);
  if (!found) return undefined;
  const kept = await features.find(found.key);
  if (!kept) {
    near.remove(found.key); // its features had to go
    return undefined;
  }
  const { digest, grid, similarity } = found;
  return { ...seen, digest, grid, standsFor: { digest: seen.digest, similarity, features: kept } };
}
