/**
 * Versions from the registry follow the requests that they answer: a shadow is asked the same afterwards, the log of answers says
 * which version it was, and the canary analysis hears what the answer was like.
 */
import { OcellusError } from "../../core/base/index.js";
import type { ChatOptions } from "../../core/runtime/index.js";
import type { Registry } from "../../rollout/index.js";
import type {
  ChoiceEvent,
  FollowedRequest,
  GenerationRequest,
  RequestEnd,
  RequestListener,
} from "../request-events.js";
import type { VersionMetrics } from "../version-metrics.js";
import type { Deployments } from "./deployments.js";
import type { VersionDiffs } from "./diffs.js";
import type { VersionFigures } from "./figures.js";
import type { GoldenRunner } from "./golden.js";
import type { Mirrored } from "./mirrored.js";
import { repeatsItself } from "./repeats.js";
import type { AnswerQuality, Rollouts } from "./rollouts.js";
import type { Shadows } from "./shadows.js";

/** Versions from the registry, as one server has them. */
export interface Versions {
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly rollouts: Rollouts;
  readonly figures: VersionFigures;
  readonly diffs: VersionDiffs;
  /** Absent: canaries are analysed by their users' answers alone. */
  golden?: GoldenRunner;
  /** Absent: no version is asked what another one has answered. */
  shadows?: Shadows;
  /** Absent: no one outside is told of decisions. */
  webhooks?: { close(): Promise<void> };
}

/** What is kept of a request until it ends. */
interface Answer {
  /** The first of several prompts: the one that is mirrored. */
  readonly generation: GenerationRequest;
  /** For the versions that are asked the same. */
  readonly mirrored: Mirrored | undefined;
  /** The end of the newest answer's text, for its analysis; never logged. */
  textEnd: string;
}

/** As much of an answer's end as tells a phrase that comes again and again. */
const endLength = 400;

export class VersionListener implements RequestListener {
  readonly #versions: Versions;
  readonly #metrics: VersionMetrics;
  readonly #answers = new WeakMap<FollowedRequest, Answer>();

  constructor(versions: Versions, metrics: VersionMetrics) {
    this.#versions = versions;
    this.#metrics = metrics;
  }

  generation(request: FollowedRequest, generation: GenerationRequest): ChatOptions | undefined {
    if (!request.assignment || this.#answers.has(request)) return undefined;
    const mirrored = this.#versions.shadows?.pick(request, generation.prompt, generation.options);
    this.#answers.set(request, { generation, mirrored, textEnd: "" });
    return mirrored?.options;
  }

  event(request: FollowedRequest, generation: GenerationRequest, choice: ChoiceEvent): void {
    const answer = this.#answers.get(request);
    if (!answer) return;
    if (choice.event.type === "text") answer.textEnd = (answer.textEnd + choice.event.text).slice(-endLength);
    if (generation.prompt === answer.generation.prompt) answer.mirrored?.take(choice);
  }

  end(request: FollowedRequest, end: RequestEnd): void {
    if (!request.assignment) return;
    const { registry, rollouts, figures, shadows } = this.#versions;
    const { resolution, alias, mark, isDrawn } = request.assignment;
    const { tag, role, reason } = resolution;
    const model = resolution.alias ?? tag;
    registry.answers.add({ requestId: request.id, at: Date.now(), model, tag, role, reason });
    const { mirrored, textEnd = "" } = this.#answers.get(request) ?? {};
    const quality = isModelsDoing(request, end) ? qualityOf(request, end, textEnd) : undefined;
    this.#metrics.note(resolution, quality, request.stats);
    if (!quality || !alias) return;
    if (mirrored && end.status < 400) shadows?.offer(mirrored);
    figures.note(alias.name, tag, quality);
    if (isDrawn && role !== "named") rollouts.observe(alias, role, quality, mark);
  }
}

/** What a client got wrong, or left, says nothing about a version. */
function isModelsDoing({ signal, stats }: FollowedRequest, { status, error }: RequestEnd): boolean {
  if (status >= 500) return !(error instanceof OcellusError && error.code === "unavailable");
  return status < 400 && !signal.aborted && stats.finishReason !== undefined;
}

function qualityOf({ stats }: FollowedRequest, { status }: RequestEnd, textEnd: string): AnswerQuality {
  const { finishReason, firstTokenMs, tokensPerSecond } = stats;
  const isEmpty = finishReason !== "tool_calls" && textEnd.trim() === "";
  return {
    isError: status >= 500,
    isBlocked: finishReason === "content_filter",
    isMalformed: isEmpty || finishReason === "length" || repeatsItself(textEnd),
    firstTokenMs,
    tokensPerSecond,
  };
}
