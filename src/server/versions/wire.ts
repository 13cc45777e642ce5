/** Versions, aliases and history as /admin/v1 writes them. */
import type { WireAdminState, WireAlias, WireComparison, WireHistoryEntry, WireVersion } from "../../protocol/index.js";
import {
  type Alias,
  type AnswerRecord,
  type Comparison,
  type JournalEntry,
  manifestBytes,
  type Version,
} from "../../rollout/index.js";
import type { Deployments } from "./deployments.js";
import type { Versions } from "./version-listener.js";
import { wireDecision, wireFigures, wirePace } from "./wire-decision.js";

export function wireState(versions: Versions): WireAdminState {
  const { registry, deployments } = versions;
  const { seq, aliases, versions: published, comparisons } = registry.state;
  return {
    object: "ocellus.admin.state",
    seq,
    aliases: [...aliases.values()].map((alias) => wireAlias(alias, versions)),
    versions: [...published.values()].map((version) =>
      wireVersion(version, deployments, comparisons.get(version.manifest.tag)),
    ),
  };
}

export function wireAlias(alias: Alias, { registry, deployments, rollouts, shadows }: Versions): WireAlias {
  const { name, tag, since, previous, canary, shadow, shadowShare = 1 } = alias;
  const ofShadow = shadow === undefined ? undefined : shadows?.comparisonOf(alias, { role: "shadow", tag: shadow });
  const ofCanary = canary && shadows?.comparisonOf(alias, { role: "comparison", tag: canary.tag });
  const verdict = rollouts.verdictOn(alias);
  return {
    name,
    version: tag,
    since: new Date(since).toISOString(),
    previous: [...previous],
    ...(canary && {
      canary: {
        version: canary.tag,
        share: canary.share,
        steps: [...canary.plan.steps],
        uses_analysis: canary.plan.analysis,
        is_paused: canary.isPaused,
        ...(canary.plan.agreement && { agreement: { ...canary.plan.agreement } }),
        ...wirePace(canary.plan),
        step_since: new Date(canary.stepAt).toISOString(),
        ...(ofCanary && { comparison: wireComparison(ofCanary) }),
        ...(verdict && { verdict: { ...verdict, figures: wireFigures(verdict.figures) } }),
      },
    }),
    ...(shadow !== undefined && { shadow, shadow_share: shadowShare }),
    ...(ofShadow && { comparison: wireComparison(ofShadow) }),
    is_in_force: deployments.aliases.includes(alias),
    ...(registry.held.includes(name) && { is_unrecorded: true as const }),
  };
}

function wireVersion({ manifest, digest }: Version, deployments: Deployments, comparison?: Comparison): WireVersion {
  const { tag, family, quantization, parent, notes, lineage, createdBy, createdAt, signature } = manifest;
  const failure = deployments.failures.get(tag);
  return {
    version: tag,
    ...{ digest, family, quantization },
    bytes: manifestBytes(manifest),
    ...(parent !== undefined && { parent }),
    ...(notes !== undefined && { notes }),
    ...(lineage && { lineage }),
    created_by: createdBy,
    created_at: createdAt,
    is_signed: signature !== undefined,
    is_loaded: deployments.loaded(tag) !== undefined,
    ...(failure !== undefined && { failure }),
    ...(comparison && { comparison: wireComparison(comparison) }),
  };
}

function wireComparison(comparison: Comparison): WireComparison {
  const { numPairs, numExact, numFailed, numDropped, sameUntil, numWords, firstTokenMs, ...rest } = comparison;
  return {
    ...rest,
    ...{ num_pairs: numPairs, num_exact: numExact, num_failed: numFailed, num_dropped: numDropped },
    ...{ same_until: sameUntil, num_words: numWords, first_token_ms: firstTokenMs },
  };
}

export function wireMirrored({ tag, at, role, reason }: AnswerRecord) {
  return { version: tag, at: new Date(at).toISOString(), role, reason };
}

export function wireEntry({ seq, at, actor, event }: JournalEntry): WireHistoryEntry {
  return { seq, at: new Date(at).toISOString(), actor, kind: event.kind, ...wireEvent(event) };
}

function wireEvent(event: JournalEntry["event"]): Partial<WireHistoryEntry> {
  switch (event.kind) {
    case "published":
      return { version: event.manifest.tag };
    case "removed":
      return { version: event.tag };
    case "shadow_started":
      return { alias: event.alias, version: event.tag, share: event.share ?? 1 };
    case "compared":
      return { alias: event.alias, version: event.tag, comparison: wireComparison(event.comparison) };
    case "deployed":
      return { alias: event.alias, version: event.tag };
    case "canary_started":
      return {
        ...{ alias: event.alias, version: event.tag, steps: event.plan.steps, uses_analysis: event.plan.analysis },
        ...wirePace(event.plan),
      };
    case "share_changed":
      return { alias: event.alias, share: event.share, ...wireDecision(event) };
    case "promoted":
      return { alias: event.alias, version: event.tag, ...wireDecision(event) };
    case "rolled_back":
      return { alias: event.alias, version: event.to, from: event.from, ...wireDecision(event) };
    case "paused":
    case "resumed":
    case "shadow_ended":
      return { alias: event.alias };
    default:
      return event satisfies never;
  }
}
