/**
 * Backends that fail more often than the others, though not so often in a row that a circuit breaker would open. Judged against the
 * rest of their pool, so that what ails all of them (a bad prompt, the network) ejects none; and never more than a share of the
 * pool, so that no mistake of the judgement empties it. A slow backend is none: requests go by load, so it is sent fewer, and one
 * whose images are new is slower than one that has them cached.
 */

export interface OutlierOptions {
  /** Requests of a backend between two judgements; with fewer it is not judged. */
  readonly minRequests: number;
  /** Failures beyond the others' share, in standard errors of the difference of two shares. */
  readonly deviations: number;
  /** And at least this much more than the others' share: of many requests a small difference is certain too. */
  readonly excessShare: number;
  /** How long the first time; each further time as much longer. */
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  /** Most of the pool that may be ejected at once, rounded down. */
  readonly maxEjectedShare: number;
}

export const defaultOutliers: OutlierOptions = {
  ...{ minRequests: 20, deviations: 3, excessShare: 0.05 },
  ...{ ejectMs: 10_000, maxEjectMs: 300_000, maxEjectedShare: 0.5 },
};

/** One backend between two judgements. */
export interface Sample {
  readonly requests: number;
  readonly failures: number;
}

/**
 * Whether it fails more often than the others, by a two-proportion z-test with the pooled share: how surprising its failures are if
 * it were as good as they are.
 */
export function isOutlier(own: Sample, others: readonly Sample[], options: OutlierOptions): boolean {
  const { minRequests, deviations, excessShare } = options;
  const rest = others.filter(({ requests }) => requests >= minRequests);
  if (own.requests < minRequests || rest.length === 0) return false;
  const [requests, failures] = [sumOf(rest, "requests"), sumOf(rest, "failures")];
  const pooled = (own.failures + failures) / (own.requests + requests);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / own.requests + 1 / requests));
  return own.failures / own.requests - failures / requests > Math.max(excessShare, deviations * error);
}

function sumOf(samples: readonly Sample[], name: "requests" | "failures"): number {
  return samples.reduce((sum, sample) => sum + sample[name], 0);
}
