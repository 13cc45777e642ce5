/**
 * The table of familiarity.json from vectors of images: their mean and their main directions, by orthogonal iteration; the threshold
 * leaves two in a hundred of a fifth of the images that the directions were not made from below it.
 */
import { OcellusError } from "../core/base/index.js";
import { type FamiliarityFile, spanCosine } from "../core/runtime/index.js";

export type FamiliarityTable = NonNullable<FamiliarityFile["images"]>;

/** Fewer give no quantile of a fifth of them; more only take time. */
const fewestImages = 100;
/** Measured on the demo model (docs/familiarity.md): with fewer, garments are foreign; with more, photographs are not. */
const mostDirections = 32;
const refusedShare = 0.02;
/** The main directions have settled long before. */
const numRounds = 20;

/** @throws `invalid_request` for too few vectors. */
export function learnFamiliarity(vectors: readonly Float32Array[]): FamiliarityTable {
  if (vectors.length < fewestImages)
    throw new OcellusError(
      "invalid_request",
      `familiarity: expected at least ${fewestImages} images like those of training, found ${vectors.length}`,
      { details: { found: vectors.length, least: fewestImages } },
    );
  const heldOut = vectors.filter((_, i) => i % 5 === 0);
  const fitted = vectors.filter((_, i) => i % 5 !== 0);
  const mean = meanOf(fitted);
  const off = fitted.map((vector) => vector.map((value, i) => value - mean[i]!));
  const directions = Math.min(mostDirections, mean.length >> 1, fitted.length >> 2);
  const rows = mainDirections(off, directions);
  const flat = Float32Array.from([...mean, ...rows.flatMap((row) => [...row])]);
  const scores = heldOut.map((vector) => spanCosine(vector, mean, flat.subarray(mean.length)));
  const threshold = scores.sort((a, b) => a - b)[Math.floor(refusedShare * scores.length)]!;
  return { dimensions: mean.length, directions, threshold, values: Buffer.from(flat.buffer).toString("base64") };
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) for (const [i, value] of vector.entries()) sum[i]! += value;
  return Float32Array.from(sum, (value) => value / vectors.length);
}

/** The span of most variance: rows are sent through the covariance and made orthonormal, again and again. */
function mainDirections(off: readonly Float32Array[], count: number): Float64Array[] {
  const random = lehmer(1);
  const width = off[0]!.length;
  let rows = orthonormal(
    Array.from({ length: count }, () => Float64Array.from({ length: width }, () => random() - 0.5)),
  );
  for (let round = 0; round < numRounds; round++) rows = orthonormal(rows.map((row) => throughCovariance(row, off)));
  return rows;
}

function throughCovariance(row: Float64Array, off: readonly Float32Array[]): Float64Array {
  const out = new Float64Array(row.length);
  for (const vector of off) addScaled(out, vector, dot(row, vector));
  return out;
}

/** Modified Gram-Schmidt, twice over for rows that nearly coincide. */
function orthonormal(rows: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const row of rows) {
    const rest = row.slice();
    for (const other of [...done, ...done]) addScaled(rest, other, -dot(rest, other));
    const length = Math.sqrt(dot(rest, rest));
    done.push(rest.map((value) => (length === 0 ? 0 : value / length)));
  }
  return done;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(to: Float64Array, from: ArrayLike<number>, scale: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += scale * from[i]!;
}

/** Park and Miller's generator: the same table every time. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
