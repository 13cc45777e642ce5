/** /admin/v1: versions, and the names that point at them. Shares are parts of one; times are ISO 8601. */
import { z } from "zod";

const versionName = z.string().min(1).max(128);
const reason = z.string().max(4000).optional();

/** How the alias was when somebody decided: refused when it has moved on. What is left out is not looked at; null: none. */
const seenSchema = z
  .strictObject({
    /** That it serves; null: there was no such alias. */
    version: versionName.nullable().optional(),
    canary: versionName.nullable().optional(),
    /** Of the canary. */
    share: z.number().optional(),
    shadow: versionName.nullable().optional(),
  })
  .optional();
export type WireSeen = NonNullable<z.infer<typeof seenSchema>>;

export const deployRequestSchema = z.object({ version: versionName, seen: seenSchema }).meta({ id: "DeployRequest" });

export const canaryRequestSchema = z
  .object({
    version: versionName,
    /** Where to begin; for the canary that runs, its new share. */
    share: z.number().gt(0).lte(1).optional(),
    /** Shares to climb, growing. Default: 0.05, 0.25, 0.5, 1. The first may be 0: loaded and compared, serving no one. */
    steps: z.array(z.number().min(0).max(1)).min(1).max(20).optional(),
    /** Default true; false: only people decide. */
    analysis: z.boolean().optional(),
    /** Ask both versions a share of the questions (default 0.1); the mean similarity of their answers must not fall below the floor. */
    agreement: z.object({ floor: z.number().gt(0).lt(1), share: z.number().gt(0).lte(1).default(0.1) }).optional(),
    /** How long each step lasts at least; without an analysis, how long it lasts. */
    step_seconds: z.number().int().min(1).max(2_592_000).optional(),
    /** Asked before each step by a signed POST; its answer allows it, holds it or turns the canary back. */
    gate: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .optional(),
    /** Only changes the share of this canary: refused when it does not run any more. */
    is_running: z.literal(true).optional(),
    seen: seenSchema,
  })
  .meta({ id: "CanaryRequest" });

export const promoteRequestSchema = z
  .object({
    /** Refused unless this is the canary: what somebody saw may be over. */
    version: versionName.optional(),
    reason,
  })
  .meta({ id: "PromoteRequest" });

export const rollbackRequestSchema = z
  .object({
    /** Refused unless this is what would be left. */
    version: versionName.optional(),
    reason,
  })
  .meta({ id: "RollbackRequest" });

export const pauseRequestSchema = z.object({ seen: seenSchema }).meta({ id: "PauseRequest" });

export const shadowRequestSchema = z
  .object({
    version: versionName.optional(),
    /** Of the stable version's answers; default: all. */
    share: z.number().gt(0).lte(1).optional(),
    /** In place of a version: ends the shadow. */
    off: z.literal(true).optional(),
    seen: seenSchema,
  })
  .meta({ id: "ShadowRequest" });

/** Of one measure, for both versions: the part of a user's answers that was bad, in mean over users, and of how many answers. */
const metricFiguresSchema = z.object({
  canary: z.number(),
  stable: z.number(),
  num_canary: z.number(),
  num_stable: z.number(),
  /** About how many users they were given to: each counts once. Absent for golden questions, which count each. */
  users_canary: z.number().optional(),
  users_stable: z.number().optional(),
  /** Probability bounds: small means that it is hard to hold that the canary is not worse; or not surely good enough. */
  p_worse: z.number(),
  p_not_fine: z.number(),
  /** Of golden questions, by how their answers are told right from wrong: how many, and the wrong answers to them. */
  kinds: z.record(z.string(), z.object({ questions: z.number(), canary: z.number(), stable: z.number() })).optional(),
});
const figuresSchema = z.record(z.string(), metricFiguresSchema);
export type WireMetricFigures = z.infer<typeof metricFiguresSchema>;

/** Means over the pairs that both versions have answered. */
const bothSchema = z.object({ served: z.number(), mirrored: z.number() });

/** Answers that were served beside those of a version that was asked the same, whose answers no one was given. */
const comparisonSchema = z.object({
  /** The version whose answers were served. */
  served: z.string(),
  num_pairs: z.number(),
  /** Answered with the same words. */
  num_exact: z.number(),
  /** Only the mirrored version failed. */
  num_failed: z.number(),
  /** Not mirrored after all: the queue was full, others waited, or a guard could not look. */
  num_dropped: z.number(),
  /** Means: 1 - edit distance over words, and the part before the first word that differs. */
  similarity: z.number(),
  same_until: z.number(),
  num_words: bothSchema,
  first_token_ms: bothSchema,
});
export type WireComparison = z.infer<typeof comparisonSchema>;

const versionSchema = z
  .object({
    version: z.string(),
    digest: z.string(),
    family: z.string(),
    quantization: z.string(),
    bytes: z.number(),
    parent: z.string().optional(),
    notes: z.string().optional(),
    /** Of a tuned model: digests of what it was made from and of what it learnt, and how. */
    lineage: z.object({ base: z.string(), data: z.string(), recipe: z.record(z.string(), z.unknown()) }).optional(),
    created_by: z.string(),
    created_at: z.string(),
    is_signed: z.boolean(),
    /** By this server. */
    is_loaded: z.boolean(),
    /** Why this server could not load it. */
    failure: z.string().optional(),
    /** As a shadow, by the newest summary in the history. */
    comparison: comparisonSchema.optional(),
  })
  .meta({ id: "Version" });
export type WireVersion = z.infer<typeof versionSchema>;

const verdictSchema = z.object({
  decision: z.enum(["wait", "advance", "roll_back"]),
  reason: z.string(),
  figures: figuresSchema,
});

const canarySchema = z.object({
  version: z.string(),
  share: z.number(),
  steps: z.array(z.number()),
  uses_analysis: z.boolean(),
  is_paused: z.boolean(),
  agreement: z.object({ floor: z.number(), share: z.number() }).optional(),
  step_seconds: z.number().optional(),
  /** When the present step began. */
  step_since: z.string(),
  gate: z.string().optional(),
  /** Of this server, since it began; the figures of the analysis are of the present step alone. */
  comparison: comparisonSchema.optional(),
  /** Of this server's analysis on the present step; absent before its first answer. */
  verdict: verdictSchema.optional(),
});

export const aliasStateSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    since: z.string(),
    /** The newest first: without a canary, a rollback goes to the first. */
    previous: z.array(z.string()),
    canary: canarySchema.optional(),
    shadow: z.string().optional(),
    /** Part of the stable version's answers that is mirrored to the shadow. */
    shadow_share: z.number().optional(),
    /** Of the shadow, by this server. */
    comparison: comparisonSchema.optional(),
    /** False while this server still answers as before, because something loads or could not be loaded. */
    is_in_force: z.boolean(),
    /**
     * Rolled back while the journal could not be written: in this server alone, until it can be; a restart before that
     * forgets it.
     */
    is_unrecorded: z.literal(true).optional(),
  })
  .meta({ id: "Alias" });
export type WireAlias = z.infer<typeof aliasStateSchema>;

export const adminStateSchema = z
  .object({
    object: z.literal("ocellus.admin.state"),
    /** Of the journal's last entry: history is worth asking for when it has grown. */
    seq: z.number(),
    aliases: z.array(aliasStateSchema),
    versions: z.array(versionSchema),
  })
  .meta({ id: "AdminState" });
export type WireAdminState = z.infer<typeof adminStateSchema>;

const historyEntrySchema = z.object({
  seq: z.number(),
  at: z.string(),
  /** A person, a key, or `canary-analysis`. */
  actor: z.string(),
  kind: z.string(),
  alias: z.string().optional(),
  version: z.string().optional(),
  /** What a rollback left. */
  from: z.string().optional(),
  share: z.number().optional(),
  steps: z.array(z.number()).optional(),
  uses_analysis: z.boolean().optional(),
  step_seconds: z.number().optional(),
  gate: z.string().optional(),
  reason: z.string().optional(),
  figures: figuresSchema.optional(),
  comparison: comparisonSchema.optional(),
});
export type WireHistoryEntry = z.infer<typeof historyEntrySchema>;

/** The newest first. */
export const historySchema = z
  .object({ object: z.literal("list"), data: z.array(historyEntrySchema), has_more: z.boolean() })
  .meta({ id: "History" });
export type WireHistory = z.infer<typeof historySchema>;

export const answeredRequestSchema = z
  .object({
    object: z.literal("ocellus.answered_request"),
    id: z.string(),
    at: z.string(),
    /** The name that was asked for. */
    model: z.string(),
    version: z.string(),
    role: z.string(),
    reason: z.string(),
    /** Versions that were asked the same afterwards, and whose answers no one was given. */
    mirrored: z
      .array(z.object({ version: z.string(), at: z.string(), role: z.string(), reason: z.string() }))
      .optional(),
  })
  .meta({ id: "AnsweredRequest" });
export type WireAnsweredRequest = z.infer<typeof answeredRequestSchema>;
