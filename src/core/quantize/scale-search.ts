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
