/**
 * The scale of one int4 block, searched: for each candidate all values are rounded, then the scale that fits those codes
 * best is Σwq/Σq² (least squares), and what it leaves of the error falls as (Σwq)²/Σq² rises. No weighting by activations.
 * What the search gains and costs is measured in docs/log.md.
 */

/** Adding and subtracting 1.5·2^52 rounds a double to a whole number without leaving the float registers. */
const rounder = 6755399441055744;

/** Σwq and Σq² for codes round(w·inverse) within [low, high], two at a time: the sums do not wait for one another. */
function tryCodes(
  block: Float64Array,
  count: number,
  inverse: number,
  low: number,
  high: number,
  sums: Float64Array,
): void {
  let dotA = 0;
  let dotB = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < count; i += 2) {
    const w = block[i]!;
    const v = block[i + 1]!;
    let q = w * inverse + rounder - rounder;
    let p = v * inverse + rounder - rounder;
    if (q > high) q = high;
    else if (q < low) q = low;
    if (p > high) p = high;
    else if (p < low) p = low;
    dotA += w * q;
    squaresA += q * q;
    dotB += v * p;
    squaresB += p * p;
  }
  sums[0] = dotA + dotB;
  sums[1] = squaresA + squaresB;
}

/** The best scale over candidates 1/inverse = extent / steps[i]. */
function bestScale(block: Float64Array, count: number, steps: Float64Array, extent: number, low: number, high: number) {
  let best = 0;
  let scale = 0;
  for (let i = 0; i < steps.length; i++) {
    tryCodes(block, count, steps[i]! / extent, low, high, sums);
    const dot = sums[0]!;
    const squares = sums[1]!;
    const explained = squares > 0 ? (dot * dot) / squares : 0;
    if (explained > best) {
      best = explained;
      scale = dot / squares;
    }
  }
  return scale;
}

/** Results go through memory: a function of V8 returns one number for free, not two. */
const sums = new Float64Array(2);

/**
 * Where the value of largest magnitude lands, in codes; its sign follows it, so that all sixteen codes are used. -8 would
 * keep it exactly; below, it is cut off in favour of the rest.
 */
const extremeCodes = Float64Array.of(-9, -8.25, -7.75, -7.25);

/** The scale for codes -8 to 7 of `block`, whose value of largest magnitude is `extreme`. */
export function symmetricScale(block: Float64Array, count: number, extreme: number): number {
  return bestScale(block, count, extremeCodes, extreme, -8, 7);
}

/** Steps that the range between the smallest and the largest value is cut into: more than fifteen cut off its ends. */
const rangeSteps = Float64Array.of(15, 16.25, 17.5);

/** The scale for codes 0 to 15 around `zeroPoint` of `block`, whose values reach over `range`. */
export function asymmetricScale(block: Float64Array, count: number, range: number, zeroPoint: number): number {
  return bestScale(block, count, rangeSteps, range, -zeroPoint, 15 - zeroPoint);
}

/** A scale, and the code that stands for zero. */
export interface ChosenScale {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** As `extremeCodes` and `rangeSteps`, but finer: compensating rounding is slow beside its search. */
const fineExtremeCodes = Float64Array.of(-9, -8.5, -8.25, -8, -7.75, -7.5, -7.25, -7, 7);
const fineRangeSteps = Float64Array.of(15, 15.75, 16.5, 17.5, 18.75, 20);

/** The scale of least Σ weight·(value − restored)² of one block, and its zero point, which is 8 unless `zeroPoints`. */
export function weightedScale(block: Float64Array, weights: Float64Array, zeroPoints = false): ChosenScale {
  let [low, high] = [0, 0];
  for (const value of block) {
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  if (low === high) return { scale: 0, zeroPoint: 8 };
  const extreme = high > -low ? high : low;
  const range = high - low;
  const zeroPoint = zeroPoints ? Math.round((-low / range) * 15) : 8;
  const [steps, extent] = zeroPoints ? [fineRangeSteps, range] : [fineExtremeCodes, extreme];
  let [best, scale] = [0, 0];
  for (const step of steps) {
    weighCodes(block, weights, step / extent, -zeroPoint, 15 - zeroPoint);
    const [dot, squares] = [sums[0]!, sums[1]!];
    if (squares > 0 && (dot * dot) / squares > best) [best, scale] = [(dot * dot) / squares, dot / squares];
  }
  return { scale: scale === 0 ? largestScale(block, zeroPoint) : scale, zeroPoint };
}

/** Where no weight counts. */
function largestScale(block: Float64Array, zeroPoint: number): number {
  return Math.max(...block.map((value) => Math.abs(value))) / Math.max(zeroPoint, 15 - zeroPoint);
}

/** Σ weight·w·q and Σ weight·q² into `sums`, for codes round(w·inverse) within [low, high]. */
function weighCodes(block: Float64Array, weights: Float64Array, inverse: number, low: number, high: number): void {
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < block.length; i++) {
    const value = block[i]!;
    const code = Math.max(low, Math.min(high, value * inverse + rounder - rounder));
    const weighted = weights[i]! * code;
    dot += weighted * value;
    squares += weighted * code;
  }
  sums[0] = dot;
  sums[1] = squares;
}
