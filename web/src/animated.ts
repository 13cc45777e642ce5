/**
 * Whether a picture's file holds more than one frame, by the marks of its format: the server takes the first, and so the page shows
 * that one and says so. Facts: GIF89a (image descriptors), WebP (the flag of VP8X), PNG (an acTL chunk before the first IDAT).
 */

export function isAnimated(bytes: Uint8Array): boolean {
  const begins = String.fromCharCode(...bytes.subarray(0, 16));
  if (begins.startsWith("GIF8")) return numGifFrames(bytes, 2) > 1;
  if (begins.startsWith("RIFF") && begins.startsWith("WEBPVP8X", 8)) return (bytes[20]! & 0x02) !== 0;
  if (begins.startsWith("\x89PNG")) return hasAnimationChunk(bytes);
  return false;
}

/** Counts to `most`; each step is over a block, so that the work is bounded by the file. */
function numGifFrames(bytes: Uint8Array, most: number): number {
  const tableSize = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 0x07) + 1) : 0);
  let frames = 0;
  let at = 13 + tableSize(bytes[10] ?? 0);
  while (at < bytes.length && frames < most) {
    const kind = bytes[at];
    if (kind === 0x2c) {
      frames++;
      at = afterBlocks(bytes, at + 11 + tableSize(bytes[at + 9] ?? 0)); // descriptor, its colours, the size of a code
    } else if (kind === 0x21) at = afterBlocks(bytes, at + 2);
    else break; // the trailer, or no GIF
  }
  return frames;
}

/** Each with its length before it; an empty one is the last. */
function afterBlocks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
  return at + 1;
}

function hasAnimationChunk(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "acTL") return true;
    if (name === "IDAT") return false;
  }
  return false;
}
