/** What guards said, on the wire; and POST /v1/moderations in OpenAI's shape. */
import { z } from "zod";

const action = z.enum(["allow", "flag", "redact", "block"]);

const guardReportSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    stage: z.enum(["input", "output"]),
    verdict: action,
    ms: z.number(),
    category: z.string().optional(),
    score: z.number().optional(),
    /** The guard could not look, and why; the verdict is what the policy does then. */
    failed: z.string().optional(),
  })
  .meta({ id: "GuardReport" });
export type WireGuardReport = z.infer<typeof guardReportSchema>;
export const guardReportsSchema = z.array(guardReportSchema);

/** As `GuardReport` of the guards, with times as fine as the clock is honest. */
export function wireGuardReports(reports: readonly WireGuardReport[]): WireGuardReport[] {
  return reports.map((report) => ({ ...report, ms: Math.round(report.ms * 1000) / 1000 }));
}

const textInput = z.object({ type: z.literal("text"), text: z.string() });
const pictureInput = z.object({
  type: z.literal("image_url"),
  image_url: z.union([z.string(), z.object({ url: z.string(), detail: z.string().optional() })]),
});
export type ModerationPart = z.infer<typeof textInput> | z.infer<typeof pictureInput>;

export const moderationRequestSchema = z
  .object({
    model: z.string().optional(),
    /** Texts have a result each; parts have one together. */
    input: z.union([
      z.string(),
      z.array(z.string()).min(1).max(2048),
      z
        .array(z.discriminatedUnion("type", [textInput, pictureInput]))
        .min(1)
        .max(64),
    ]),
  })
  .meta({ id: "ModerationRequest" });
export type ModerationRequest = z.infer<typeof moderationRequestSchema>;

const span = z.object({ start: z.number(), end: z.number() });
const moderationFindingSchema = z.object({
  guard: z.string(),
  category: z.string(),
  score: z.number(),
  action,
  reason: z.string(),
  /** Which part of the input, from 0. */
  part: z.number(),
  /** In UTF-16 units. */
  span: span.optional(),
  region: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }).optional(),
});
export type ModerationFinding = z.infer<typeof moderationFindingSchema>;

const moderationResultSchema = z.object({
  flagged: z.boolean(),
  categories: z.record(z.string(), z.boolean()),
  category_scores: z.record(z.string(), z.number()),
  category_applied_input_types: z.record(z.string(), z.array(z.enum(["text", "image"]))),
  ocellus: z.object({ verdict: action, findings: z.array(moderationFindingSchema), guards: guardReportsSchema }),
});
export type ModerationResult = z.infer<typeof moderationResultSchema>;

export const moderationSchema = z
  .object({ id: z.string(), model: z.string(), results: z.array(moderationResultSchema) })
  .meta({ id: "Moderation" });
export type Moderation = z.infer<typeof moderationSchema>;
