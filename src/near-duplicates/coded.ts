/**
 * What a picture may have been before a JPEG encoder rounded it: of every 8 × 8 block each frequency was told in steps, so that all
 * pictures within half a step have become the same file. Of these the one that is most like another picture is found by putting the
 * other's frequencies into those bounds [as a projection onto the quantisation constraint set: Zakhor, IEEE Trans. CSVT 2(1), 1992].
 */
import type { Plane } from "./plane.js";

/** A picture as its file tells it. */
export interface Coded {
  /** In the picture's own size: blocks begin at its upper left. */
  readonly luma: Plane;
  /** Of 8 × 8 frequencies row by row. */
  readonly steps: ArrayLike<number>;
}

const side = 8;

/** Of all pictures with that file the one nearest to `other`, which has its size. */
export function nearestCoded({ luma, steps }: Coded, other: Plane): Plane {
  const { width, height } = luma;
  const data = new Float32Array(luma.data.length);
  const [told, block] = [new Float32Array(64), new Float32Array(64)];
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const isWhole = top + side <= height && left + side <= width;
      read(luma, top, left, told);
      read(other, top, left, block);
      transform(told, forward);
      transform(block, forward);
      for (let i = 0; i < 64; i++) {
        const step = steps[i]!;
        const centre = isWhole ? Math.round(told[i]! / step) * step : told[i]!; // beyond the edge no one knows what was coded
        block[i] = Math.min(centre + step / 2, Math.max(centre - step / 2, block[i]!));
      }
      transform(block, backward);
      for (let y = 0; y < Math.min(side, height - top); y++)
        for (let x = 0; x < Math.min(side, width - left); x++)
          data[(top + y) * width + left + x] = Math.min(255, Math.max(0, block[y * side + x]! + 128));
    }
  return { width, height, data };
}

/** About the middle grey; beyond the edge its last pixels continue. */
function read({ width, height, data }: Plane, top: number, left: number, into: Float32Array): void {
  for (let y = 0; y < side; y++) {
    const row = Math.min(height - 1, top + y) * width;
    for (let x = 0; x < side; x++) into[y * side + x] = data[row + Math.min(width - 1, left + x)]! - 128;
  }
}

/** [frequency, place] of the orthonormal DCT-II. */
const forward = Float32Array.from({ length: 64 }, (_, i) => {
  const [frequency, place] = [i >> 3, i & 7];
  return Math.sqrt((frequency === 0 ? 1 : 2) / side) * Math.cos((Math.PI * (place + 0.5) * frequency) / side);
});
const backward = forward.map((_, i) => forward[(i & 7) * side + (i >> 3)]!);
const half = new Float32Array(64);

/** Rows, then columns. */
function transform(block: Float32Array, by: Float32Array): void {
  multiply(block, by, half);
  multiply(half, by, block);
}

/** out = (by · in)ᵀ */
function multiply(block: Float32Array, by: Float32Array, out: Float32Array): void {
  for (let u = 0; u < side; u++)
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let k = 0; k < side; k++) sum += by[u * side + k]! * block[k * side + x]!;
      out[x * side + u] = sum;
    }
}
