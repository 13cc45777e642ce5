/** When an answer of a version has ended: the log of answers is told, its judge hears what it was like. */
import { OcellusError } from "../../core/base/index.js";
import type { Registry } from "../../rollout/index.js";
import type { RequestContext } from "../request-context.js";
import type { VersionMetrics } from "../version-metrics.js";
import type { Deployments } from "./deployments.js";
import type { VersionDiffs } from "./diffs.js";
import type { VersionFigures } from "./figures.js";
import type { GoldenRunner } from "./golden.js";
import { repeatsItself } from "./repeats.js";
import type { AnswerQuality, Rollouts } from "./rollouts.js";
import type { Shadows } from "./shadows.js";

/** Versions from the registry, as one server has them. */
export interface Versions {
  readonly registry: Registry;
  readonly fleet: Deployments;
  readonly rollouts: Rollouts;
  readonly figures: VersionFigures;
  readonly diffs: VersionDiffs;
  /** Absent: canaries are judged by their users' answers alone. */
  golden?: GoldenRunner;
  /** Absent: no version is asked what another one has answered. */
  shadows?: Shadows;
  /** Absent: nobody outside is told of decisions. */
  courier?: { close(): Promise<void> };
}

export function noteAnswer(
  exchange: RequestContext,
  status: number,
  error: unknown,
  { registry, rollouts, figures, shadows }: Versions,
  metrics: VersionMetrics,
): void {
  const { assignment, mirrored } = exchange;
  if (!assignment) return;
  const { resolution, alias, mark, isDrawn } = assignment;
  const { tag, role, reason } = resolution;
  const model = resolution.alias ?? tag;
  registry.answers.add({ requestId: exchange.id, at: Date.now(), model, tag, role, reason });
  const quality = isModelsDoing(exchange, status, error) ? qualityOf(exchange, status) : undefined;
  metrics.note(resolution, quality, exchange.facts);
  if (!quality || !alias) return;
  if (mirrored && status < 400) shadows?.offer(mirrored);
  figures.note(alias.name, tag, quality);
  if (isDrawn && role !== "named") rollouts.observe(alias, role, quality, mark);
}

/** What a client got wrong, or left, says nothing about a version. */
function isModelsDoing({ signal, facts }: RequestContext, status: number, error: unknown): boolean {
  if (status >= 500) return !(error instanceof OcellusError && error.code === "unavailable");
  return status < 400 && !signal.aborted && facts.finishReason !== undefined;
}

function qualityOf({ facts, textEnd }: RequestContext, status: number): AnswerQuality {
  const { finishReason, firstTokenMs, tokensPerSecond } = facts;
  const isEmpty = finishReason !== "tool_calls" && textEnd.trim() === "";
  return {
    isError: status >= 500,
    isBlocked: finishReason === "content_filter",
    isMalformed: isEmpty || finishReason === "length" || repeatsItself(textEnd),
    firstTokenMs,
    tokensPerSecond,
  };
}
