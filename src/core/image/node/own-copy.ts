/**
 * A caller may write to its array while we wait for a thread, a template or a file: what is measured, hashed and decoded
 * must be what it held when it was handed over. Whoever takes an image calls this before its first await.
 */

import { isRgbImage } from "../spec/index.js";
import type { ImageFile, ImageInput } from "./read-input.js";

/** Copies that nobody else can write to: they need no other. */
const owned = new WeakSet<object>();

/** The same image in memory of our own; paths, URLs, Blobs and files that were read stay as they are. */
export function ownCopy<T extends ImageInput | ImageFile>(input: T): T {
  if (typeof input !== "object" || input === null || owned.has(input)) return input;
  const copy = copyOf(input as Exclude<T, string>) as T & object;
  owned.add(copy);
  return copy;
}

function copyOf(input: Exclude<ImageInput, string> | ImageFile): object {
  if (input instanceof Uint8Array) return Uint8Array.from(input);
  if (input instanceof ArrayBuffer) return input.slice(0);
  if (isRgbImage(input) && ArrayBuffer.isView(input.data)) return { ...input, data: Uint8Array.from(input.data) };
  return input;
}
