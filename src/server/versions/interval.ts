/**
 * How far a figure of few answers can be believed: 95 % intervals, of a rate by Wilson's score, of a quantile by order
 * statistics. Both are of one look at one number; who decides by looking again and again is the analysis, with tests of its own.
 * [Wilson, JASA 1927; Newcombe, Statistics in Medicine 1998, method 3; Conover, Practical Nonparametric Statistics, 3.2]
 */

/** Of the normal distribution, two-sided 95 %. */
const z = 1.959964;
const tail = 0.025;

/** @returns the part of `count` that `num` is, and where the true part lies. Without any, anything is possible. */
export function wilson(num: number, count: number): { value: number; low: number; high: number } {
  if (count === 0) return { value: 0, low: 0, high: 1 };
  const value = num / count;
  const weight = z ** 2 / count;
  const middle = (value + weight / 2) / (1 + weight);
  const half = (z / (1 + weight)) * Math.sqrt((value * (1 - value)) / count + weight / (4 * count));
  return { value, low: num === 0 ? 0 : middle - half, high: num === count ? 1 : middle + half };
}

/** Beyond it the binomial is as good as normal. */
const mostExact = 300;

/**
 * Which of `count` sorted values (the first is 1) enclose the true quantile: so many lie below it as successes of a
 * binomial. Undefined where even the outermost does not reach so far.
 */
export function quantileRanks(count: number, quantile: number): { low?: number; high?: number } {
  const [low, high] = count > mostExact ? normalRanks(count, quantile) : exactRanks(count, quantile);
  return { ...(low >= 1 && { low }), ...(high <= count && { high }) };
}

function normalRanks(count: number, quantile: number): [low: number, high: number] {
  const half = z * Math.sqrt(count * quantile * (1 - quantile));
  return [Math.floor(count * quantile - half), Math.ceil(count * quantile + half) + 1];
}

/** low: the last l with P(B ≤ l - 1) ≤ tail; high: the first h with P(B ≥ h) ≤ tail. */
function exactRanks(count: number, quantile: number): [low: number, high: number] {
  let [low, high] = [0, count + 1];
  let logTerm = count * Math.log1p(-quantile); // log P(B = 0)
  let below = 0; // P(B ≤ k)
  for (let k = 0; k <= count; k++) {
    below += Math.exp(logTerm);
    if (below <= tail) low = k + 1;
    if (high > count && 1 - below <= tail && k + 1 <= count) high = k + 1;
    logTerm += Math.log(((count - k) / (k + 1)) * (quantile / (1 - quantile)));
  }
  return [low, high];
}
