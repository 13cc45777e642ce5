/** What versions' answers were like over time, side by side. Rates are parts of one; `low` and `high` are 95 % intervals. */
import { z } from "zod";

/** `low` or `high` is absent where so few values say nothing about it. */
const estimateSchema = z.object({
  value: z.number(),
  low: z.number().optional(),
  high: z.number().optional(),
  /** Of how many answers or questions. */
  count: z.number(),
});
export type WireEstimate = z.infer<typeof estimateSchema>;

/** A measure is absent where nothing was measured. */
const measuredSchema = z.object({
  /** Answers that failed, of all. */
  error: estimateSchema.optional(),
  /** Answers that were blocked, empty, cut off or repeating, of those that did not fail. */
  malformed: estimateSchema.optional(),
  /** Wrong answers to questions whose answers are known. */
  golden: estimateSchema.optional(),
  first_token_ms_p50: estimateSchema.optional(),
  first_token_ms_p95: estimateSchema.optional(),
  tokens_per_second_p50: estimateSchema.optional(),
});
export type WireMeasured = z.infer<typeof measuredSchema>;

const pointSchema = z.object({ at: z.string(), ...measuredSchema.shape });

const seriesSchema = z.object({
  version: z.string(),
  /** `past`: neither served nor tried any more. */
  role: z.enum(["stable", "canary", "shadow", "past"]),
  /** Over the whole time. */
  total: measuredSchema,
  /** Each of the `step_s` seconds from `at` on; those without an answer are left out. */
  points: z.array(pointSchema),
});
export type WireSeries = z.infer<typeof seriesSchema>;

export const figuresSchema = z
  .object({
    object: z.literal("ocellus.admin.figures"),
    alias: z.string(),
    from: z.string(),
    to: z.string(),
    step_s: z.number(),
    series: z.array(seriesSchema),
  })
  .meta({ id: "Figures" });
export type WireFigures = z.infer<typeof figuresSchema>;
