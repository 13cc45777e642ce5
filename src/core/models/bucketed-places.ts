/**
 * Places of patches for encoders that take images of any size: which row of a learned square table each patch has, and
 * fixed sines of its row and column. [transformers vision_utils.py, get_vision_nearest_position_ids; MiniCPM-V's resampler.py]
 */
import type { ImageGrid } from "../image/spec/index.js";

/** The share of a side at which patch `i` of `count` stands, in float32: rounded once, or with 1/count rounded before. */
type ShareOf = (i: number, count: number) => number;
const quotient: ShareOf = (i, count) => Math.fround(i / count);
export const stepped: ShareOf = (i, count) => Math.fround(i * Math.fround(1 / count));

/**
 * The row of a table of `side` × `side` places nearest to each patch, in raster order: the patch `i` of `n` stands at the
 * share i/n of the side, and has the place whose share is the last not above it. In float32, as the reference compares.
 */
export function bucketedPlaces({ rows, columns }: ImageGrid, side: number, shareOf: ShareOf = quotient): number[] {
  const step = 1 / side;
  const borders = Array.from({ length: Math.ceil((1 - step) / step) }, (_, k) => Math.fround(step + k * step));
  const places = (count: number) =>
    Array.from({ length: count }, (_, i) => borders.filter((border) => border <= shareOf(i, count)).length);
  const ofColumns = places(columns);
  return places(rows).flatMap((row) => ofColumns.map((column) => row * side + column));
}

/**
 * [rows · columns, width]: half of the columns for a patch's column, the other half for its row; each half sines, then
 * cosines, of the place times 10000^(-i / number of them). In float32 as NumPy computes.
 */
export function sinePlaces({ rows, columns }: ImageGrid, width: number): Float32Array {
  const half = width / 2;
  const table = Array.from({ length: Math.max(rows, columns) }, (_, place) => sinesOf(place, half));
  const out = new Float32Array(rows * columns * width);
  for (let patch = 0; patch < rows * columns; patch++) {
    out.set(table[patch % columns]!, patch * width);
    out.set(table[Math.floor(patch / columns)]!, patch * width + half);
  }
  return out;
}

function sinesOf(place: number, width: number): Float32Array {
  const count = width / 2;
  const angle = (f: number) => {
    const frequency = Math.fround(1 / Math.fround(10_000 ** Math.fround(f / count)));
    return Math.fround(place * frequency);
  };
  return Float32Array.from({ length: width }, (_, i) => (i < count ? Math.sin(angle(i)) : Math.cos(angle(i - count))));
}
