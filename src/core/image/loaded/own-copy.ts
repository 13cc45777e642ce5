/**
 * A caller may write to its array while we wait for a thread, a template or a file: what is measured, hashed and decoded
 * must be what it held when it was handed over. Whoever takes an image calls this before its first await.
 */

import { isRgbImage } from "../spec/index.js";
import type { GivenImage } from "./read-input.js";

/** The same image in memory of our own; paths, URLs and Blobs stay as they are. */
export function ownCopy(input: GivenImage): GivenImage {
  if (typeof input !== "object" || input === null) return input;
  if (input instanceof Uint8Array) return Uint8Array.from(input);
  if (input instanceof ArrayBuffer) return input.slice(0);
  if (isRgbImage(input) && ArrayBuffer.isView(input.data)) return { ...input, data: Uint8Array.from(input.data) };
  return input;
}
