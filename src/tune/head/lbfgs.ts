/**
 * L-BFGS [Nocedal & Wright, Numerical Optimization, 2nd ed., algorithm 7.5], which asks for one evaluation at a time: many fits
 * can take their steps side by side, and share the products that these need. The line search finds a step of the weak Wolfe
 * conditions by bisection [Lewis & Overton, Math. Program. 2013].
 */

export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface Minimum extends Evaluation {
  readonly point: Float64Array;
  readonly iterations: number;
}

export interface LbfgsOptions {
  readonly maxIterations: number;
  /** Done where no part of the gradient is larger. */
  readonly tolerance: number;
}

/** Pairs of steps and gradients that stand for the curvature; 3 to 20 are usual. */
const memory = 10;
/** Of the line search: halvings beyond which a difference is below the rounding of float32. */
const maxTrials = 20;
const [decrease, curvature] = [1e-4, 0.9];

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly product: number;
}

/** Yields points to be evaluated; returns the last one that was better. */
export function* lbfgs(
  start: Float64Array,
  { maxIterations, tolerance }: LbfgsOptions,
): Generator<Float64Array, Minimum, Evaluation> {
  const pairs: Pair[] = [];
  let found: Minimum = { ...(yield start), point: start, iterations: 0 };
  while (found.iterations < maxIterations && largest(found.gradient) > tolerance) {
    const next = yield* lineSearch(found, directionOf(found.gradient, pairs));
    if (!next) break;
    remember(pairs, difference(next.point, found.point), difference(next.gradient, found.gradient));
    found = next;
  }
  return found;
}

function* lineSearch(from: Minimum, direction: Float64Array): Generator<Float64Array, Minimum | undefined, Evaluation> {
  const slope = dot(from.gradient, direction);
  let [low, high, size] = [0, Number.POSITIVE_INFINITY, 1];
  for (let trial = 0; trial < maxTrials; trial++) {
    const point = from.point.map((x, i) => x + size * direction[i]!);
    const found = yield point;
    const isTooLong = !(found.value <= from.value + decrease * size * slope); // also where it is NaN
    if (!isTooLong && dot(found.gradient, direction) >= curvature * slope)
      return { ...found, point, iterations: from.iterations + 1 };
    if (isTooLong) high = size;
    else low = size;
    size = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
  }
  return undefined;
}

/** Minus the gradient, times the inverse of the curvature as far as it is known. */
function directionOf(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((x) => -x);
  const shares = pairs.map(() => 0);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, product } = pairs[i]!;
    shares[i] = dot(step, direction) / product;
    addScaled(direction, change, -shares[i]!);
  }
  const last = pairs.at(-1);
  const scale = last
    ? last.product / dot(last.change, last.change)
    : 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)));
  for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
  for (const [i, { step, change, product }] of pairs.entries())
    addScaled(direction, step, shares[i]! - dot(change, direction) / product);
  return direction;
}

function remember(pairs: Pair[], step: Float64Array, change: Float64Array): void {
  const product = dot(step, change);
  if (product <= 1e-12 * Math.sqrt(dot(step, step) * dot(change, change))) return;
  pairs.push({ step, change, product });
  if (pairs.length > memory) pairs.shift();
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(to: Float64Array, from: Float64Array, scale: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += scale * from[i]!;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, i) => x - b[i]!);
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
