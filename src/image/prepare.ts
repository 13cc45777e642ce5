/** A picture from its file to what a vision graph reads, in one step: what the picture threads do, or the caller's own. */
import { throwIfAborted } from "../base/index.js";
import { type DecodeOptions, decodeImage } from "./decode.js";
import { type PixelValues, preprocess } from "./preprocess.js";
import type { ImageInput } from "./read-input.js";
import type { ImageRecipe } from "./recipe.js";
import { pixelDigest } from "./rgb-image.js";

/** A picture, or a pair of frames, as the vision graph takes it. */
export interface PreparedImage {
  readonly pixels: PixelValues;
  /**
   * SHA-256 of the decoded picture, or of both frames: with the grid, which follows from the pixel budget, the key of
   * anything cached about it.
   */
  readonly digest: string;
}

/** `prepareImage`, wherever it runs. */
export type PrepareImage = (
  input: ImageInput,
  recipe: ImageRecipe,
  options?: Pick<DecodeOptions, "signal">,
) => Promise<PreparedImage>;

/** @throws as `decodeImage`. */
export async function prepareImage(
  input: ImageInput,
  recipe: ImageRecipe,
  options: DecodeOptions = {},
): Promise<PreparedImage> {
  const decoded = await decodeImage(input, options);
  throwIfAborted(options.signal);
  return { pixels: preprocess(decoded, recipe), digest: pixelDigest(decoded) };
}
