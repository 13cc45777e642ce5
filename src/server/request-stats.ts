/** Our own facts of an answer as this server gave it, for every route that answers. */
import { type AnswerStats, wireGuardReports } from "../protocol/index.js";
import { type Citation, citedNumbers } from "../retrieval/index.js";
import { answerStats, visionCacheStatus } from "../wire/index.js";
import type { Choice } from "./choice.js";
import type { RequestContext } from "./request-context.js";
import type { ServedModel } from "./served.js";

/** Of the first choice. */
export function answerStatsOf(
  { end, text }: Choice,
  { model }: ServedModel,
  context: RequestContext,
  citations?: readonly Citation[],
): AnswerStats {
  const cited = citations && citedNumbers(text);
  const stats = answerStats(end, {
    queueMs: context.stats.queueMs ?? 0,
    totalMs: performance.now() - context.started,
    modelVersion: model.info.digest,
    guards: wireGuardReports(context.guardReports),
  });
  return {
    ...stats,
    ...(cited && { citations: citations!.map((each) => ({ ...each, cited: cited.has(each.number) })) }),
  };
}

/** Digests that a header may hold: more than enough for a router, within the 8 KiB that servers take. */
const mostDigests = 16;

/**
 * `vision=hit; prefix=48; images=<sha256>,<sha256>`: for a router in front, which can send a picture where it is known.
 * Where pictures are answered for by others, `near=` names these. Of a stream, what is known when it begins. Undefined when nothing was asked of a model.
 */
export function cacheHeader({ stats }: RequestContext): string | undefined {
  if (!stats.seen) return undefined;
  const digests = stats.seen.slice(0, mostDigests).map(({ digest }) => digest);
  const others = stats.seen.flatMap(({ near }) => (near ? [near.digest] : [])).slice(0, mostDigests);
  const near = others.length > 0 ? `; near=${others.join(",")}` : "";
  return `vision=${visionCacheStatus(stats.seen)}; prefix=${stats.cachedTokens ?? 0}; images=${digests.join(",")}${near}`;
}
