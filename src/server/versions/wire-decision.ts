/** What was decided about a canary, and by which figures, as /admin/v1 and webhooks write it. */
import type { WireMetricFigures } from "../../protocol/index.js";
import type { CanaryVerdict, RolloutPlan } from "../../rollout/index.js";

/** How fast a canary's steps follow, and who is asked. */
export function wirePace({ stepSeconds, gate }: RolloutPlan) {
  return { ...(stepSeconds !== undefined && { step_seconds: stepSeconds }), ...(gate !== undefined && { gate }) };
}

export function wireDecision({
  reason,
  figures,
}: {
  reason?: string | undefined;
  figures?: Readonly<Record<string, unknown>> | undefined;
}) {
  return {
    ...(reason !== undefined && { reason }),
    ...(figures && { figures: wireFigures(figures as CanaryVerdict["figures"]) }), // only an analysis writes them
  };
}

export function wireFigures(figures: CanaryVerdict["figures"]): Record<string, WireMetricFigures> {
  const entries = Object.entries(figures).map(
    ([metric, { canary, stable, numCanary, numStable, usersCanary, usersStable, pWorse, pNotFine, kinds }]) => [
      metric,
      {
        ...{ canary, stable, num_canary: numCanary, num_stable: numStable, p_worse: pWorse, p_not_fine: pNotFine },
        ...(usersCanary !== undefined && { users_canary: usersCanary }),
        ...(usersStable !== undefined && { users_stable: usersStable }),
        ...(kinds && { kinds }),
      },
    ],
  );
  return Object.fromEntries(entries);
}
