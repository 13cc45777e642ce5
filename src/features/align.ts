/**
 * How one picture lies in another and how its light differs: for each axis a scale and a start, for all of it a gain and an offset,
 * found on ever finer levels by least squares on the differences [Lucas, Kanade, IJCAI 1981; coarse to fine: Bouguet 2000;
 * robust weights: Black, Anandan, CVIU 63(1), 1996, so that what changed in the picture does not pull at what did not].
 */
import { type FrameMap, halved, type Plane, resample } from "./plane.js";

export interface Alignment {
  /** Where the picture's frame lies on the kept one's. */
  readonly map: FrameMap;
  /** The picture's luma is gain · kept + offset, cut to 0…255. */
  readonly gain: number;
  readonly offset: number;
}

/** A shift of 2 % is less than a pixel here: steps of least squares find their way from nothing. */
const coarsestSide = 40;
/** Finer levels would tell a hundredth of a pixel better, and cost what the comparison itself does. */
const finestSide = 300;
const numSteps = 4;
const numUnknowns = 6;

/** @param picture luma of the picture. @param kept luma of the kept one, of any size. */
export function align(picture: Plane, kept: Plane): Alignment {
  let found: Alignment = { map: { x: { scale: 1, start: 0 }, y: { scale: 1, start: 0 } }, gain: 1, offset: 0 };
  for (const level of levelsOf(picture)) {
    const source = near(kept, level);
    for (let step = 0; step < numSteps; step++) {
      const next = improved(level, source, found);
      const moved = distance(next.map, found.map);
      found = next;
      if (moved * Math.max(level.width, level.height) < 0.01) break;
    }
  }
  return found;
}

/** Coarsest first. */
function levelsOf(picture: Plane): Plane[] {
  const levels = [picture];
  for (let last = picture; Math.max(last.width, last.height) > coarsestSide; levels.unshift(last)) last = halved(last);
  const fit = levels.filter(({ width, height }) => Math.max(width, height) <= finestSide);
  return fit.filter(({ width, height }) => Math.min(width, height) >= 8);
}

/** Halved while it is more than twice as large as the level. */
function near(kept: Plane, level: Plane): Plane {
  let plane = kept;
  while (plane.width > 1.9 * level.width && plane.height > 1.9 * level.height) plane = halved(plane);
  return plane;
}

function distance(a: FrameMap, b: FrameMap): number {
  const axis = (p: FrameMap["x"], q: FrameMap["x"]) =>
    Math.max(Math.abs(p.start - q.start), Math.abs(p.start + p.scale - q.start - q.scale));
  return Math.max(axis(a.x, b.x), axis(a.y, b.y));
}

/** One step of least squares. */
function improved(picture: Plane, kept: Plane, { map, gain, offset }: Alignment): Alignment {
  const { width, height } = picture;
  const shown = resample(kept, width, height, map).data;
  const normal = new Float64Array(numUnknowns * numUnknowns);
  const right = new Float64Array(numUnknowns);
  const row = new Float64Array(numUnknowns);
  const scale = spread(picture.data, shown, gain, offset);
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const predicted = gain * shown[i]! + offset;
      if (predicted <= 2 || predicted >= 253) continue; // cut off: says nothing of light, and its edges lie
      const residual = picture.data[i]! - predicted;
      const weight = 1 / (1 + (residual / scale) ** 2);
      const dx = (gain * (shown[i + 1]! - shown[i - 1]!) * width) / 2 / map.x.scale;
      const dy = (gain * (shown[i + width]! - shown[i - width]!) * height) / 2 / map.y.scale;
      row[0] = (dx * (x + 0.5)) / width;
      row[1] = dx;
      row[2] = (dy * (y + 0.5)) / height;
      row[3] = dy;
      row[4] = shown[i]!;
      row[5] = 1;
      for (let a = 0; a < numUnknowns; a++) {
        right[a]! += weight * row[a]! * residual;
        for (let b = a; b < numUnknowns; b++) normal[a * numUnknowns + b]! += weight * row[a]! * row[b]!;
      }
    }
  const [sx, bx, sy, by, dGain, dOffset] = solved(normal, right);
  return {
    map: {
      x: { scale: map.x.scale + sx!, start: map.x.start + bx! },
      y: { scale: map.y.scale + sy!, start: map.y.start + by! },
    },
    gain: gain + dGain!,
    offset: offset + dOffset!,
  };
}

/** What differences are usual: beyond a few of these a pixel hardly counts. */
function spread(picture: Float32Array, shown: Float32Array, gain: number, offset: number): number {
  let sum = 0;
  let count = 0;
  const stride = Math.max(1, Math.floor(picture.length / 10_000));
  for (let i = 0; i < picture.length; i += stride, count++)
    sum += Math.abs(picture[i]! - Math.min(255, Math.max(0, gain * shown[i]! + offset)));
  return 1 + (2 * sum) / count;
}

/** Gaussian elimination of the symmetric system, of which the upper half is given; a little damped, for pictures without edges. */
function solved(upper: Float64Array, right: Float64Array): Float64Array {
  const n = numUnknowns;
  const matrix = Array.from({ length: n }, (_, a) =>
    Float64Array.from({ length: n + 1 }, (_, b) =>
      b === n
        ? right[a]!
        : upper[Math.min(a, b) * n + Math.max(a, b)]! * (a === b ? 1 + 1e-6 : 1) + (a === b ? 1e-3 : 0),
    ),
  );
  for (let a = 0; a < n; a++)
    for (let below = a + 1; below < n; below++) {
      const factor = matrix[below]![a]! / matrix[a]![a]!;
      for (let b = a; b <= n; b++) matrix[below]![b]! -= factor * matrix[a]![b]!;
    }
  const solution = new Float64Array(n);
  for (let a = n - 1; a >= 0; a--) {
    let rest = matrix[a]![n]!;
    for (let b = a + 1; b < n; b++) rest -= matrix[a]![b]! * solution[b]!;
    solution[a] = rest / matrix[a]![a]!;
  }
  return solution;
}
