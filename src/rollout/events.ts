/**
 * What can happen to versions and to the names that clients ask for. The journal of these events is the truth: everything
 * else (who serves what, shares, history) is computed from it by `apply`.
 */
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import { comparisonSchema } from "./comparison.js";
import { digestSchema, manifestSchema, tagSchema } from "./manifest.js";

/** Names that clients ask for: `prod`. */
const aliasSchema = z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, "expected at most 64 letters, digits, . _ -");
const share = z.number().gt(0).lte(1);
const reason = z.string().max(4_000);

/** The figures behind a decision, as the analysis saw them. */
const figures = z.record(z.string(), z.unknown());

/** A month: what is to last longer is left to people. */
export const maxStepSeconds = 30 * 24 * 3600;

/** How a canary continues: shares to climb, each held until the evidence suffices. */
export const planSchema = z.strictObject({
  /** Ascending; the first is where the canary starts. 0: it is loaded and compared, and serves no one. */
  steps: z.array(z.number().min(0).max(1)).min(1).max(20),
  /** Without it, only people decide. */
  analysis: z.boolean(),
  /** Part of the answers whose question the other version is asked too, and how alike they must be. Absent: none is. */
  agreement: z.strictObject({ share, floor: z.number().gt(0).lt(1) }).optional(),
  /** How long a step lasts at least. Without an analysis: how long it lasts. */
  stepSeconds: z.number().int().min(1).max(maxStepSeconds).optional(),
  /** Asked before each step whether it may be. */
  gate: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
});
export type RolloutPlan = z.infer<typeof planSchema>;

export const eventSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("published"), manifest: manifestSchema }),
  z.strictObject({ kind: z.literal("removed"), tag: tagSchema, digest: digestSchema }),
  z.strictObject({ kind: z.literal("deployed"), alias: aliasSchema, tag: tagSchema }),
  z.strictObject({ kind: z.literal("canary_started"), alias: aliasSchema, tag: tagSchema, plan: planSchema }),
  z.strictObject({
    kind: z.literal("share_changed"),
    alias: aliasSchema,
    share,
    reason: reason.optional(),
    figures: figures.optional(),
  }),
  z.strictObject({ kind: z.literal("paused"), alias: aliasSchema }),
  z.strictObject({ kind: z.literal("resumed"), alias: aliasSchema }),
  z.strictObject({
    kind: z.literal("promoted"),
    alias: aliasSchema,
    tag: tagSchema,
    reason: reason.optional(),
    figures: figures.optional(),
  }),
  z.strictObject({
    kind: z.literal("rolled_back"),
    alias: aliasSchema,
    from: tagSchema,
    to: tagSchema,
    reason: reason.optional(),
    figures: figures.optional(),
  }),
  /** `share`: of the stable version's answers; all, where it is not said. */
  z.strictObject({ kind: z.literal("shadow_started"), alias: aliasSchema, tag: tagSchema, share: share.optional() }),
  z.strictObject({ kind: z.literal("shadow_ended"), alias: aliasSchema }),
  /** How a shadow's answers compare so far, in one process. */
  z.strictObject({ kind: z.literal("compared"), alias: aliasSchema, tag: tagSchema, comparison: comparisonSchema }),
]);

export type RegistryEvent = z.infer<typeof eventSchema>;

/** @throws `invalid_request`: what the journal would not understand later must not get in. */
export function checkEvent(event: RegistryEvent): RegistryEvent {
  const parsed = eventSchema.safeParse(event);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || event.kind;
  throw new OcellusError("invalid_request", `${field}: ${issue?.message}`, { details: { field } });
}

/** The texts of people in an event that lists and histories will show; a name that is there already is no news. */
export function writtenIn(
  event: RegistryEvent,
  { aliases }: { readonly aliases: ReadonlyMap<string, unknown> },
): string[] {
  const texts: (string | undefined)[] = [];
  if (event.kind === "published") {
    const { tag, family, quantization, notes, files } = event.manifest;
    texts.push(tag, family, quantization, notes, files.map(({ path }) => path).join("\n"));
  }
  if ("alias" in event && !aliases.has(event.alias)) texts.push(event.alias);
  if (event.kind === "canary_started") texts.push(event.plan.gate);
  if ("reason" in event) texts.push(event.reason);
  return texts.filter((text) => text !== undefined);
}

/** An event as it is in the journal. */
export interface JournalEntry {
  /** 1, 2, 3, …: no gaps. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** A person, a key, or `canary-analysis`. */
  readonly actor: string;
  readonly event: RegistryEvent;
}
