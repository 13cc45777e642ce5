/**
 * Looking at pictures where near-duplicates may answer: a picture that shows nothing which a kept one does not is taken for the kept
 * one before the prompt is written, digest, grid and all, so that features and prefixes are found as if that had been sent.
 */

import type { Fingerprint } from "../cache/index.js";
import type { SeenImage } from "../image/node/index.js";
import { type PixelValues, shownPicture } from "../image/spec/index.js";
import type { SeeImage } from "../processor/index.js";
import type { Memory } from "./memory.js";

type NearMemory = Pick<Memory, "near" | "features" | "keyOf">;

export function seeNear(see: SeeImage, memory: NearMemory): SeeImage {
  return async (image, recipe, options) => {
    const seen = await see(image, recipe, options);
    const key = memory.keyOf(seen);
    const isKnown = (await memory.features.find(key)) !== undefined;
    if (isKnown && memory.near.has(key)) return seen;
    const scope = JSON.stringify(recipe); // with the request's pixel budget: another one's pictures have other tokens
    const pixels = await seen.pixels();
    const look = await memory.near.look(pixels.own ?? shownPicture(pixels, recipe));
    const other = isKnown ? undefined : await standIn(seen, scope, look, memory);
    if (other) return other;
    memory.near.add(scope, { key, digest: seen.digest, grid: seen.grid }, look);
    return { ...seen, pixels: async (): Promise<PixelValues> => pixels }; // not decoded twice
  };
}

async function standIn(
  seen: SeenImage,
  scope: string,
  look: Fingerprint,
  { near, features }: NearMemory,
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
