/** What an analysis may hold against an answer, and the figures of it. */
import { z } from "zod";

/** What may be bad about an answer; `minimum`: answers of each version, or questions, before a step is taken. */
export const canaryMetrics = {
  error: { margin: 0.02, minimum: 100, says: "answers that failed" },
  slow_first_token: { margin: 0.15, minimum: 100, says: "first tokens slower than 80 % of both versions' of late" },
  slow_tokens: {
    margin: 0.15,
    minimum: 100,
    says: "answers with fewer tokens a second than 80 % of both versions' of late",
  },
  blocked: { margin: 0.03, minimum: 100, says: "answers that a guard blocked" },
  malformed: { margin: 0.03, minimum: 100, says: "answers that were empty, cut off or repeated themselves" },
  golden: { margin: 0.05, minimum: 50, says: "wrong answers to questions whose answers are known" },
  /** On one question put to both: 0 for the stable version, and for the canary 1 - similarity of the answers. */
  disagreement: { margin: undefined, minimum: 50, says: "disagreement with the stable version's answers" },
} as const;

export type CanaryMetric = keyof typeof canaryMetrics;
export type Role = "stable" | "canary";

export const canaryMetricSchema = z.enum(Object.keys(canaryMetrics) as [CanaryMetric, ...CanaryMetric[]]);

export interface CanaryMetricFigures {
  /** Means over users; of golden questions, over these. */
  readonly canary: number;
  readonly stable: number;
  readonly numCanary: number;
  readonly numStable: number;
  /** About how many users these answers were given to; absent for golden questions, which no user asked. */
  readonly usersCanary?: number;
  readonly usersStable?: number;
  /** Probability bounds: small means that the hypothesis is hard to hold. */
  readonly pWorse: number;
  readonly pNotFine: number;
  /** Of questions put to both: how many of each kind, and the wrong answers to them. */
  readonly kinds?: Readonly<Record<string, KindFigures>>;
}

export interface KindFigures {
  readonly questions: number;
  readonly canary: number;
  readonly stable: number;
}
