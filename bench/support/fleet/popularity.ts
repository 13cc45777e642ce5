/** Which of many things is asked for next, by their weights. */

/** Running sums of shares of 1. */
export function cumulative(weights: readonly number[]): Float64Array {
  const sums = Float64Array.from(weights);
  for (let i = 1; i < sums.length; i++) sums[i]! += sums[i - 1]!;
  return sums.map((sum) => sum / sums.at(-1)!);
}

/** The index of the first sum above the value. */
export function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
