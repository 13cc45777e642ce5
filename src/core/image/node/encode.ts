/** Decoded pictures → files, for whoever is to see exactly these pixels. */

import type { RgbImage } from "../spec/index.js";
import { loadSharp } from "./decode.js";

/** Without loss. */
export async function encodePng({ width, height, data }: RgbImage): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
}
