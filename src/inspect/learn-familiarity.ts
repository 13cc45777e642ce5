/**
 * The table of familiarity.json from vectors of images: their mean and their main directions, by orthogonal iteration; the threshold
 * leaves two in a hundred of a fifth of the images that the directions were not made from below it. With vectors of images unlike them:
 * the boundary between both, which is Fisher's linear discriminant, its covariance drawn towards a sphere [Friedman 1989].
 */
import { OcellusError } from "../core/base/index.js";
import { type FamiliarityFile, sigmoid, spanCosine } from "../core/runtime/index.js";

export type FamiliarityTable = NonNullable<FamiliarityFile["images"]>;

/** Fewer give no quantile of a fifth of them; more only take time. */
const fewestImages = 100;
/** Measured on the demo model (docs/familiarity.md): with fewer, garments are foreign; with more, photographs are not. */
const mostDirections = 32;
const refusedShare = 0.02;
/** The main directions have settled long before. */
const numRounds = 20;
/** Weight of the sphere in the covariance of a boundary: what few images say of many dimensions is not believed. */
const sphereShare = 0.1;
/** Of conjugate gradients: with that sphere they have settled long before. */
const numSteps = 100;

/** @throws `invalid_request` for too few vectors. */
export function learnFamiliarity(vectors: readonly Float32Array[], unlike?: readonly Float32Array[]): FamiliarityTable {
  const like = parted(vectors, "like those of training");
  return unlike ? boundaryBetween(like, parted(unlike, "unlike those of training")) : spanOf(like);
}

interface Parted {
  readonly fitted: readonly Float32Array[];
  readonly heldOut: readonly Float32Array[];
}

function parted(vectors: readonly Float32Array[], what: string): Parted {
  if (vectors.length < fewestImages)
    throw new OcellusError(
      "invalid_request",
      `familiarity: expected at least ${fewestImages} images ${what}, found ${vectors.length}`,
      { details: { found: vectors.length, least: fewestImages } },
    );
  return { fitted: vectors.filter((_, i) => i % 5 !== 0), heldOut: vectors.filter((_, i) => i % 5 === 0) };
}

function spanOf({ fitted, heldOut }: Parted): FamiliarityTable {
  const mean = meanOf(fitted);
  const off = offFrom(mean, fitted);
  const directions = Math.min(mostDirections, mean.length >> 1, fitted.length >> 2);
  const rows = mainDirections(off, directions);
  const flat = Float32Array.from([...mean, ...rows.flatMap((row) => [...row])]);
  const scores = heldOut.map((vector) => spanCosine(vector, mean, flat.subarray(mean.length)));
  return { dimensions: mean.length, directions, threshold: quantile(scores, refusedShare), values: base64(flat) };
}

/** The threshold is in the middle of the gap that images of both kinds leave which the boundary was not made from. */
function boundaryBetween(like: Parted, unlike: Parted): FamiliarityTable {
  const [mean, other] = [meanOf(like.fitted), meanOf(unlike.fitted)];
  const point = mean.map((value, i) => (value + other[i]!) / 2);
  const off = [...offFrom(mean, like.fitted), ...offFrom(other, unlike.fitted)];
  const normal = Float32Array.from(
    throughInverse(
      off,
      mean.map((value, i) => value - other[i]!),
    ),
  );
  const logitOf = (vector: Float32Array) => dot(vector, normal) - dot(point, normal);
  const lowest = quantile(like.heldOut.map(logitOf), refusedShare);
  const highest = quantile(unlike.heldOut.map(logitOf), 1 - refusedShare);
  const threshold = sigmoid(lowest > highest ? (lowest + highest) / 2 : lowest);
  const values = base64(Float32Array.from([...point, ...normal]));
  return { kind: "boundary", dimensions: mean.length, directions: 1, threshold, values };
}

function quantile(values: number[], share: number): number {
  return values.sort((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}

function base64(values: Float32Array): string {
  return Buffer.from(values.buffer).toString("base64");
}

function offFrom(mean: Float32Array, vectors: readonly Float32Array[]): Float32Array[] {
  return vectors.map((vector) => vector.map((value, i) => value - mean[i]!));
}

/** `target` through the inverse of the vectors' covariance, by conjugate gradients [Hestenes, Stiefel 1952]. */
function throughInverse(off: readonly Float32Array[], target: ArrayLike<number>): Float64Array {
  const variance = off.reduce((sum, vector) => sum + dot(vector, vector), 0) / (off.length * target.length);
  const product = (vector: Float64Array) => {
    const out = throughCovariance(vector, off).map((value) => ((1 - sphereShare) * value) / off.length);
    addScaled(out, vector, sphereShare * variance);
    return out;
  };
  const found = new Float64Array(target.length);
  const rest = Float64Array.from(target);
  let direction = rest.slice();
  const enough = 1e-20 * dot(rest, rest);
  for (let step = 0, square = dot(rest, rest); step < numSteps && square > enough; step++) {
    const image = product(direction);
    const length = square / dot(direction, image);
    addScaled(found, direction, length);
    addScaled(rest, image, -length);
    const next = dot(rest, rest);
    direction = rest.map((value, i) => value + (next / square) * direction[i]!);
    square = next;
  }
  return found;
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
