/**
 * Images that are the same, by their bytes, or nearly so to the encoder: another encoding or size of one photo. A classifier that
 * learned from one and is tested on the other is tested on what it knows, so they stay on one side; under two labels, one is wrong.
 */
import type { Matrix, Products } from "./products.js";

/** Comparing all with all is a square: at 20,000 images of 768 numbers some ten seconds. Beyond, only bytes are compared. */
export const mostCompared = 20_000;
/**
 * Of the mean squared distance of two images. Over the demo model's encoder, 150 digits as JPEG of quality 60 are within
 * 0.0003 of themselves, and the nearest other digit is at 0.15 or more (`npm run bench -- heads --look-alikes FOLDER`).
 */
const nearShare = 0.005;
const blockRows = 512;

/**
 * @param features standardised: each column of mean 0 and variance 1.
 * @returns of each image the index of the first one that it is like, or its own.
 */
export async function lookAlikes(
  products: Products,
  features: Matrix,
  digests: readonly string[],
): Promise<Int32Array> {
  const leaders = new Int32Array(digests.length).fill(-1);
  const first = new Map<string, number>();
  for (const [i, digest] of digests.entries()) {
    const before = first.get(digest);
    if (before === undefined) first.set(digest, i);
    else leaders[i] = before;
  }
  if (features.rows <= mostCompared) await findNear(products, features, leaders);
  return leaders.map((leader, i) => (leader < 0 ? i : leader));
}

/** An image leads those behind it that are near and have no leader yet: chains of neighbours do not grow together. */
async function findNear(products: Products, features: Matrix, leaders: Int32Array): Promise<void> {
  const { data, rows, columns } = features;
  const lengths = Float64Array.from({ length: rows }, (_, i) => squaredLength(data, i, columns));
  const limit = nearShare * 2 * columns;
  for (let from = 0; from < rows; from += blockRows) {
    const block = Math.min(blockRows, rows - from);
    const { data: dots } = await products.times(features, transposedRows(features, from, block));
    for (let b = 0; b < block; b++) {
      const leader = from + b;
      if (leaders[leader]! >= 0) continue;
      for (let i = leader + 1; i < rows; i++) {
        if (leaders[i]! >= 0) continue;
        if (lengths[leader]! + lengths[i]! - 2 * dots[i * block + b]! < limit) leaders[i] = leader;
      }
    }
  }
  for (const [i, leader] of leaders.entries()) if (leader >= 0 && leaders[leader]! >= 0) leaders[i] = leaders[leader]!;
}

function squaredLength(data: Float32Array, row: number, columns: number): number {
  let sum = 0;
  for (let i = row * columns; i < (row + 1) * columns; i++) sum += data[i]! ** 2;
  return sum;
}

/** [columns, count] */
function transposedRows({ data, columns }: Matrix, from: number, count: number): Matrix {
  const turned = new Float32Array(count * columns);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < columns; column++)
      turned[column * count + row] = data[(from + row) * columns + column]!;
  return { data: turned, rows: columns, columns: count };
}
