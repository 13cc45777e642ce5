/** A picture for people to look at, small enough for a page that carries it along. */
import { type DecodeOptions, decodeImage, loadSharp } from "./decode.js";
import type { ImageInput } from "./read-input.js";

/** The picture as `decodeImage` sees it, at most `maxSide` pixels a side, as WebP. @throws as `decodeImage`. */
export async function thumbnail(input: ImageInput, maxSide: number, options: DecodeOptions = {}): Promise<Uint8Array> {
  const { width, height, data } = await decodeImage(input, options);
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true })
    .webp({ quality: 88 })
    .toBuffer();
}
