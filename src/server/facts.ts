/** Usage and our own facts of an answer, for every route that answers. */
import type { AnswerFacts, CompletionUsage } from "../protocol/index.js";
import type { Choice } from "./choice.js";
import type { Exchange } from "./exchange.js";
import type { ServedModel } from "./models.js";

export function usageOf(choices: readonly Choice[]): CompletionUsage {
  const prompt_tokens = choices[0]!.end.usage.promptTokens;
  const completion_tokens = choices.reduce((sum, { end }) => sum + end.usage.completionTokens, 0);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/** Of the first choice. */
export function factsOf({ end }: Choice, { model }: ServedModel, exchange: Exchange): AnswerFacts {
  const { timings, pictures } = end;
  return {
    timings: {
      queue_ms: round(exchange.facts.queueMs ?? 0),
      vision_ms: round(timings.visionMs),
      first_token_ms: round(timings.firstTokenMs),
      total_ms: round(performance.now() - exchange.started),
      tokens_per_second: round(timings.tokensPerSecond),
    },
    model_version: model.info.digest,
    pictures: pictures.map(({ digest, known, numTokens }) => ({ sha256: digest, cached: known, tokens: numTokens })),
  };
}

/** A thousandth is as fine as the clock is honest. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
