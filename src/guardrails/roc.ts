/** How well a score tells two kinds of pictures apart, threshold by threshold. Fawcett, An introduction to ROC analysis, 2006. */
export interface RocPoint {
  /** Scores from here on count as hits. */
  readonly threshold: number;
  /** Of those that should be hit, the share that is. */
  readonly truePositiveRate: number;
  /** Of those that should not, the share that is. */
  readonly falsePositiveRate: number;
}

export interface Roc {
  /** From the strictest threshold, which hits nothing, to the one that hits all. */
  readonly points: readonly RocPoint[];
  /** Area under the curve: the chance that a hit scores above a harmless one; equal scores count half. */
  readonly area: number;
}

export function rocOf(positives: readonly number[], negatives: readonly number[]): Roc {
  const scores = [...new Set([...positives, ...negatives])].sort((a, b) => b - a);
  const share = (values: readonly number[], threshold: number) =>
    values.filter((value) => value >= threshold).length / Math.max(1, values.length);
  const points = [Number.POSITIVE_INFINITY, ...scores].map((threshold) => ({
    threshold,
    truePositiveRate: share(positives, threshold),
    falsePositiveRate: share(negatives, threshold),
  }));
  let area = 0;
  for (const [i, { truePositiveRate, falsePositiveRate }] of points.entries()) {
    const before = points[i - 1] ?? points[0]!;
    area += ((falsePositiveRate - before.falsePositiveRate) * (truePositiveRate + before.truePositiveRate)) / 2;
  }
  return { points, area };
}

/** The threshold that hits most without hitting more than `mostFalse` of the harmless. */
export function chosenPoint({ points }: Roc, mostFalse: number): RocPoint {
  const allowed = points.filter(({ falsePositiveRate }) => falsePositiveRate <= mostFalse);
  return allowed.reduce((a, b) => (b.truePositiveRate > a.truePositiveRate ? b : a));
}
