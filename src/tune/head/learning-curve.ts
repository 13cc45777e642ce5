/**
 * What more images would bring, honestly: the same folds learned from a part of their images, an error = a · n^-b fitted through
 * what was held out, and that law carried on to at most twice as many. The interval is of drawing other images (bootstrap over
 * groups of look-alikes); that errors fall by such a law at all is an assumption, which holds for many learners and is no proof
 * for this one [Hestness et al. 2017].
 */
import { createRandom } from "../../core/engine/index.js";

export interface CurvePoint {
  /** That were learned from, on average over the folds. */
  readonly images: number;
  readonly errors: Uint8Array;
}

export interface Forecast {
  readonly images: number;
  /** 95 % of them lie between. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface CurveForecast extends Forecast {
  /** How much better than now; the same images drawn again. */
  readonly gain: { readonly value: number; readonly low: number; readonly high: number };
}

const numResamples = 400;

/**
 * The share of right answers with `images` to learn from, from points of fewer, the last being all.
 * @param groups of each place in `errors` the group that it is drawn with.
 * @param weights what an error at that place counts. Default: all as much.
 */
export function forecast(
  points: readonly CurvePoint[],
  groups: Int32Array,
  images: number,
  seed: number,
  weights = new Float64Array(groups.length).fill(1),
): CurveForecast {
  const draw = drawsOf(groups, createRandom(seed));
  const now = ratesOf(points, weights);
  const later = extrapolated(points, now, images);
  const drawn = Array.from({ length: numResamples }, () => {
    const counts = draw();
    const rates = ratesOf(points, weights.map((weight, i) => weight * counts[i]!)); // biome-ignore format: one thought
    return [1 - extrapolated(points, rates, images), rates.at(-1)! - extrapolated(points, rates, images)] as const;
  });
  return {
    images,
    value: 1 - later,
    ...interval(drawn.map(([value]) => value)),
    gain: { value: now.at(-1)! - later, ...interval(drawn.map(([, gain]) => gain)) },
  };
}

/** Groups drawn with replacement: how often each place counts. */
function drawsOf(groups: Int32Array, random: () => number): () => Uint16Array {
  const names = [...new Set(groups)];
  const places = new Map(names.map((name) => [name, [] as number[]]));
  for (const [place, name] of groups.entries()) places.get(name)!.push(place);
  return () => {
    const counts = new Uint16Array(groups.length);
    for (let i = 0; i < names.length; i++)
      for (const place of places.get(names[Math.floor(random() * names.length)]!)!) counts[place]!++;
    return counts;
  };
}

/** Share of errors, half an error added so that none is no perfect certainty. */
function ratesOf(points: readonly CurvePoint[], weights: Float64Array): number[] {
  return points.map(({ errors }) => {
    let [wrong, all] = [0, 0];
    for (let i = 0; i < errors.length; i++) {
      wrong += weights[i]! * errors[i]!;
      all += weights[i]!;
    }
    return (wrong + 0.5) / (all + 1);
  });
}

/** Least squares of the logarithms; an error that grew is carried on as it is, not upwards. */
function extrapolated(points: readonly CurvePoint[], rates: readonly number[], images: number): number {
  const xs = points.map((point) => Math.log(point.images));
  const ys = rates.map(Math.log);
  const [x, y] = [mean(xs), mean(ys)];
  const slope = mean(xs.map((each, i) => (each - x) * (ys[i]! - y))) / mean(xs.map((each) => (each - x) ** 2));
  const last = rates.at(-1)!;
  return last * (images / points.at(-1)!.images) ** Math.min(0, Number.isFinite(slope) ? slope : 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function interval(values: readonly number[]): { low: number; high: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return { low: at(0.025), high: at(0.975) };
}
