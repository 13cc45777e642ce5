/** What guards said, on the wire; and POST /v1/moderations in OpenAI's shape. */
import { z } from "zod";

const action = z.enum(["allow", "flag", "redact", "block"]);

/** In pixels of the image as it is shown. */
const regionSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });

const guardReportSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    stage: z.enum(["input", "output"]),
    verdict: action,
    ms: z.number(),
    category: z.string().optional(),
    score: z.number().optional(),
    /** Where in an image the finding is that decided. */
    region: regionSchema.optional(),
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
const imageInput = z.object({
  type: z.literal("image_url"),
  image_url: z.union([z.string(), z.object({ url: z.string(), detail: z.string().optional() })]),
});
export type ModerationPart = z.infer<typeof textInput> | z.infer<typeof imageInput>;

export const moderationRequestSchema = z
  .object({
    model: z.string().optional(),
    /** Texts have a result each; parts have one together. */
    input: z.union([
      z.string(),
      z.array(z.string()).min(1).max(2048),
      z
        .array(z.discriminatedUnion("type", [textInput, imageInput]))
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
  region: regionSchema.optional(),
});
export type ModerationFinding = z.infer<typeof moderationFindingSchema>;

const moderationResultSchema = z.object({
  flagged: z.boolean(),
  categories: z.record(z.string(), z.boolean()),
  category_scores: z.record(z.string(), z.number()),
  category_applied_input_types: z.record(z.string(), z.array(z.enum(["text", "image"]))),
  ocellus: z.object({
    verdict: action,
    num_findings: z.number().int(),
    /** The first thousand. */
    findings: z.array(moderationFindingSchema),
    guards: guardReportsSchema,
  }),
});
export type ModerationResult = z.infer<typeof moderationResultSchema>;

export const moderationSchema = z
  .object({ id: z.string(), model: z.string(), results: z.array(moderationResultSchema) })
  .meta({ id: "Moderation" });
export type Moderation = z.infer<typeof moderationSchema>;

const stage = z.enum(["input", "output"]);
const ruleSchema = z.object({
  route: z.string().optional(),
  guard: z.string().optional(),
  stage: stage.optional(),
  category: z.string().optional(),
  threshold: z.number(),
  action,
  replacement: z.string().optional(),
  pseudonym: z.boolean().optional(),
  jsonNumber: z.enum(["null", "string"]).optional(),
});

const recentVerdictSchema = z.object({
  time: z.string(),
  request: z.string(),
  route: z.string(),
  guard: z.string(),
  stage,
  subject: z.enum(["text", "image"]),
  sha256: z.string(),
  verdict: action,
  category: z.string().optional(),
  score: z.number().optional(),
  failed: z.string().optional(),
  ms: z.number(),
});

export const guardStateSchema = z
  .object({
    object: z.literal("ocellus.guards"),
    /** The beginning of the file's SHA-256; "none" without a policy. */
    policy: z.string(),
    on_failure: z.enum(["block", "allow"]),
    /** Why a changed file is not in force. */
    problem: z.string().optional(),
    guards: z.array(z.object({ name: z.string(), type: z.string(), version: z.string(), stages: z.array(stage) })),
    /** Those that may concern the caller. */
    rules: z.array(ruleSchema),
    /** Of the caller, newest first. */
    recent: z.array(recentVerdictSchema),
  })
  .meta({ id: "GuardState" });
export type GuardState = z.infer<typeof guardStateSchema>;

/** "This was no hit": kept for whoever keeps the lists; nothing changes by it. */
export const allowProposalSchema = z
  .object({
    guard: z.string().min(1).max(40),
    category: z.string().max(81).optional(),
    /** What was found, with a few words around it. */
    text: z.string().min(1).max(200).optional(),
    /** Of a picture's pixels. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    note: z.string().max(500).optional(),
  })
  .meta({ id: "AllowProposal" });
export type AllowProposal = z.infer<typeof allowProposalSchema>;

export const allowProposalAnswerSchema = z
  .object({ object: z.literal("ocellus.allow_proposal"), written: z.literal(true) })
  .meta({ id: "AllowProposalAnswer" });

/** A rule that is not in force: what would it have done? */
export const guardReplayRequestSchema = z
  .object({
    rule: z.object({
      route: z.string().min(1).max(200).optional(),
      guard: z.string().min(1).max(40).optional(),
      stage: stage.optional(),
      category: z.string().min(1).max(81).optional(),
      threshold: z.number().min(0).max(1).default(0),
      action,
    }),
    /** Back from now. */
    days: z.number().int().min(1).max(31).default(7),
  })
  .meta({ id: "GuardReplayRequest" });

export type GuardReplayRequest = z.infer<typeof guardReplayRequestSchema>;

const replayedCheckSchema = z.object({
  ...{ time: z.string(), request: z.string(), route: z.string(), stage, guard: z.string() },
  kind: z.enum(["text", "image"]),
  ...{ category: z.string(), score: z.number(), before: action, after: action },
});

export const guardReplaySchema = z
  .object({
    object: z.literal("ocellus.guard_replay"),
    since: z.string(),
    /** Of the log, within the time. */
    num_lines: z.number().int(),
    num_checks: z.number().int(),
    /** Checks with a finding that the rule reaches. */
    num_reached: z.number().int(),
    /** Checks whose verdict would have been another. */
    changes: z.array(z.object({ before: action, after: action, count: z.number().int() })),
    /** The newest of these. */
    examples: z.array(replayedCheckSchema),
    /** Older lines within the time were not read: there are too many. */
    is_cut: z.boolean(),
  })
  .meta({ id: "GuardReplay" });
export type WireGuardReplay = z.infer<typeof guardReplaySchema>;

/** A schema of `response_format` or of a tool's parameters. */
export const redactedSchemaRequestSchema = z
  .object({
    schema: z.record(z.string(), z.unknown()),
    /** Rules may differ by route. */
    route: z.string().min(1).max(200).default("/v1/chat/completions"),
  })
  .meta({ id: "RedactedSchemaRequest" });

/** What answers under that schema satisfy, redactions included. */
export const redactedSchemaAnswerSchema = z
  .object({
    object: z.literal("ocellus.redacted_schema"),
    /** Of the policy that says so. */
    policy: z.string(),
    schema: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "RedactedSchema" });
export type RedactedSchemaAnswer = z.infer<typeof redactedSchemaAnswerSchema>;
