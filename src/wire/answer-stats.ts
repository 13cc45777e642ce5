/** The end of an answer → usage and our own facts of it, for all who answer in the words of the wire. */
import type { ChatEvent, ChatImage, Fields, FoundPlace, ZoomedField } from "../core/runtime/portable.js";
import type { AnswerStats, CompletionUsage } from "../protocol/index.js";

export type AnswerEnd = Extract<ChatEvent, { type: "end" }>;

/** Of the choices of one prompt, which counts once. */
export function usageOf(choices: readonly { readonly end: AnswerEnd }[]): CompletionUsage {
  const { promptTokens: prompt_tokens, cachedTokens: cached_tokens } = choices[0]!.end.usage;
  const completion_tokens = choices.reduce((sum, { end }) => sum + end.usage.completionTokens, 0);
  const total_tokens = prompt_tokens + completion_tokens;
  const thoughts = choices.flatMap(({ end }) => end.usage.reasoningTokens ?? []);
  const reasoning_tokens = thoughts.reduce((sum, count) => sum + count, 0);
  return {
    ...{ prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens } },
    ...(thoughts.length > 0 && { completion_tokens_details: { reasoning_tokens } }),
  };
}

/** What the model itself does not know of its answer. */
interface AnswerCircumstances {
  readonly queueMs: number;
  readonly totalMs: number;
  readonly modelVersion: string;
  readonly guards: AnswerStats["guards"];
}

export function answerStats(
  { usage, timings, images, fields, boxes, zoomed, notes }: AnswerEnd,
  { queueMs, totalMs, modelVersion, guards }: AnswerCircumstances,
): AnswerStats {
  return {
    timings: {
      queue_ms: round(queueMs),
      vision_ms: round(timings.visionMs),
      first_token_ms: round(timings.firstTokenMs),
      total_ms: round(totalMs),
      tokens_per_second: round(timings.tokensPerSecond),
      drafted_tokens: timings.draftedTokens ?? 0,
      accepted_tokens: timings.acceptedTokens ?? 0,
      forced_tokens: timings.forcedTokens ?? 0,
    },
    model_version: modelVersion,
    images: images.map(({ digest, known, numTokens, sent, shown, familiarity }) => ({
      ...{ sha256: digest, cached: known },
      ...(numTokens !== undefined && { tokens: numTokens }),
      ...sizesOf(sent, shown),
      ...(familiarity && {
        familiarity: { score: round(familiarity.score), threshold: round(familiarity.threshold) },
      }),
    })),
    ...(notes && { notes: [...notes] }),
    guards,
    cache: {
      vision: visionCacheStatus(images),
      prefix_tokens: usage.cachedTokens,
      images: images.map(({ digest, source, near }) => ({
        ...{ sha256: digest, from: source },
        ...(near && { near: { sha256: near.digest, similarity: round(near.similarity) } }),
      })),
    },
    ...(fields && { fields: wireFields(fields) }),
    ...(boxes && { boxes: boxes.map(wirePlace) }),
    ...(zoomed && { zoomed: zoomed.map(wireZoomed) }),
  };
}

function wireFields(fields: Fields): NonNullable<AnswerStats["fields"]> {
  const entries = Object.entries(fields).map(([pointer, { probability, margin, alternatives, ...rest }]) => {
    const others = alternatives?.map(({ startsWith, ...other }) => ({
      ...other,
      ...(startsWith !== undefined && { starts_with: startsWith }),
      probability: round(other.probability),
    }));
    return [
      pointer,
      { ...rest, probability: round(probability), margin: round(margin), ...(others && { alternatives: others }) },
    ];
  });
  return Object.fromEntries(entries);
}

function wirePlace({ label, field, box, point, stored }: FoundPlace): NonNullable<AnswerStats["boxes"]>[number] {
  const pixels = (numbers: readonly number[]) => numbers.map(round);
  return {
    ...(label !== undefined && { label }),
    ...(field !== undefined && { field }),
    ...(box && { box: pixels(box) }),
    ...(point && { point: pixels(point) }),
    ...(stored?.box && { stored_box: pixels(stored.box) }),
    ...(stored?.point && { stored_point: pixels(stored.point) }),
  };
}

function wireZoomed({ region, before, after, ...rest }: ZoomedField): NonNullable<AnswerStats["zoomed"]>[number] {
  const rounded = ({ value, probability }: ZoomedField["before"]) => ({ value, probability: round(probability) });
  return { ...rest, region: region.map(round), before: rounded(before), ...(after && { after: rounded(after) }) };
}

type Size = ChatImage["sent"];

function sizesOf(sent: Size, shown: Size) {
  return {
    ...(sent && { sent_size: [sent.width, sent.height] as [number, number] }),
    ...(shown && { shown_size: [shown.width, shown.height] as [number, number] }),
    ...(sent && shown && { shrunk: shown.width * shown.height < sent.width * sent.height }),
  };
}

export function visionCacheStatus(images: readonly ChatImage[]): AnswerStats["cache"]["vision"] {
  if (images.length === 0) return "none";
  if (images.some(({ near }) => near)) return "near";
  return images.every(({ known }) => known) ? "hit" : "miss";
}

/** A thousandth is as fine as the clock is honest. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
