/** What tells one picture from another: its pixels. */
import { sha256 } from "../../base/index.js";
import type { RgbImage } from "../spec/index.js";

/** SHA-256, in hex, over width, height and pixels: equal for the same picture in any file format without loss. */
export function pixelDigest({ width, height, data }: RgbImage): string {
  return sha256(`${width}x${height}:`, data);
}
