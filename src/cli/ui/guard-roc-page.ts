/** `ocellus guard calibrate --html`: the curves of a calibration as one page. */
import type { Roc, RocPoint } from "../../guardrails/index.js";
import { pageDocument } from "../../inspect/index.js";

export interface CategoryCurve extends Roc {
  readonly category: string;
  readonly images: number;
  readonly others: number;
  readonly chosen: RocPoint;
}

export function rocPage(guard: string, curves: readonly CategoryCurve[]): string {
  return pageDocument({
    kind: "roc",
    title: `${guard} · Ocellus thresholds`,
    heading: guard,
    facts: `guard calibrate, ${curves.length} ${curves.length === 1 ? "category" : "categories"}`,
    factsSaid: { code: "roc_facts", values: { count: curves.length } },
    data: {
      curves: curves.map(({ category, images, others, area, points, chosen }) => ({
        ...{ category, images, others, area },
        points: points.map(({ falsePositiveRate, truePositiveRate }) => [falsePositiveRate, truePositiveRate] as const),
        chosen: {
          ...(Number.isFinite(chosen.threshold) && { threshold: chosen.threshold }),
          ...{ truePositiveRate: chosen.truePositiveRate, falsePositiveRate: chosen.falsePositiveRate },
        },
      })),
    },
  });
}
