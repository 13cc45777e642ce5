/** POST /v1/completions: text continues, without turns, templates or pictures. */
import { randomUUID } from "node:crypto";
import type { ChatToken } from "../../core/runtime/index.js";
import {
  type Completion,
  type CompletionRequest,
  completionRequestSchema,
  completionSchema,
  harmlessCompletionFields,
  idBodyLimits,
  type TextLogprobs,
} from "../../protocol/index.js";
import { samplingOptions, usageOf, wireTokens } from "../../wire/index.js";
import { answers, merge } from "../answers.js";
import { Choice } from "../choice.js";
import type { App, RequestContext } from "../request-context.js";
import type { ChoiceEvent } from "../request-events.js";
import { answerStatsOf } from "../request-stats.js";
import { addJsonRoute } from "../route.js";
import type { ServedModel } from "../served.js";
import type { Services } from "../services.js";
import { type SseEvent, streamEvents } from "../sse.js";

export function addCompletions(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/completions",
      summary: "Continue a text, without turns or images.",
      request: completionRequestSchema,
      answer: completionSchema,
      event: completionSchema,
      harmless: harmlessCompletionFields,
      limits: idBodyLimits,
    },
    async (c, request) => {
      const context = c.get("context");
      context.caller.user = request.user;
      const served = await services.models.answering(request.model, context);
      const prompts = promptsOf(request);
      const builder = new ResponseBuilder(request, prompts.length, served, context);
      const events = merge(prompts.map((prompt, i) => continuations(request, prompt, i, served, context)));
      if (request.stream) return streamEvents(c, chunks(events, builder));
      for await (const event of events) builder.take(event);
      return c.json(builder.completion());
    },
  );
}

type TextPrompt = string | readonly number[];

function promptsOf({ prompt }: CompletionRequest): readonly TextPrompt[] {
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as string[] | number[][]);
}

/** All choices for one of several prompts, numbered behind those of the prompts before it. */
async function* continuations(
  request: CompletionRequest,
  prompt: TextPrompt,
  place: number,
  served: ServedModel,
  context: RequestContext,
): AsyncGenerator<ChoiceEvent> {
  const { n: numChoices = 1, logprobs, ...rest } = request;
  const wanted = { ...rest, ...(logprobs !== undefined && { logprobs: true, top_logprobs: logprobs }) };
  const generation = { served, numChoices, prompt: { text: prompt }, options: samplingOptions(wanted) };
  for await (const { index, event } of answers(generation, context)) yield { index: place * numChoices + index, event };
}

async function* chunks(events: AsyncIterable<ChoiceEvent>, builder: ResponseBuilder): AsyncGenerator<SseEvent> {
  for await (const event of events) {
    for (const data of builder.take(event)) yield { data };
  }
  if (builder.wantsUsage) yield { data: builder.usageChunk() };
}

class ResponseBuilder {
  readonly #request: CompletionRequest;
  readonly #served: ServedModel;
  readonly #context: RequestContext;
  readonly #choices: Choice[];
  readonly #head;

  constructor(request: CompletionRequest, numPrompts: number, served: ServedModel, context: RequestContext) {
    this.#request = request;
    this.#served = served;
    this.#context = context;
    this.#choices = Array.from({ length: numPrompts * (request.n ?? 1) }, () => new Choice(0));
    const created = Math.floor(Date.now() / 1000);
    this.#head = { id: `cmpl-${randomUUID()}`, object: "text_completion" as const, created, model: served.id };
  }

  get wantsUsage(): boolean {
    return this.#request.stream_options?.include_usage === true;
  }

  take({ index, event }: ChoiceEvent): Completion[] {
    const choice = this.#choices[index]!;
    const before = choice.text.length;
    const { text, tokens } = choice.take(event);
    const isLast = this.#choices.every(({ hasEnded }) => hasEnded);
    const finish_reason = choice.hasEnded ? choice.end.finishReason : null;
    if (text === "" && !finish_reason) return [];
    const said = { index, text, logprobs: this.#logprobs(tokens, before), finish_reason };
    const usage = this.wantsUsage && { usage: null }; // as chat completions
    return [{ ...this.#head, choices: [said], ...usage, ...(isLast && { ocellus: this.#facts() }) }];
  }

  usageChunk(): Completion {
    return { ...this.#head, choices: [], usage: this.#usage() };
  }

  completion(): Completion {
    const choices = this.#choices.map(({ text, tokens, end }, index) => ({
      index,
      text,
      logprobs: this.#logprobs(tokens, 0),
      finish_reason: end.finishReason,
    }));
    return { ...this.#head, choices, usage: this.#usage(), ocellus: this.#facts() };
  }

  /** The prompts of all choices' prompts, each counted once. */
  #usage() {
    const { n = 1 } = this.#request;
    const firsts = this.#choices.filter((_, i) => i % n === 0).map((choice) => usageOf([choice]));
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    const prompt_tokens = sum(firsts.map((usage) => usage.prompt_tokens));
    const cached_tokens = sum(firsts.map((usage) => usage.prompt_tokens_details.cached_tokens));
    const { completion_tokens } = usageOf(this.#choices);
    const total_tokens = prompt_tokens + completion_tokens;
    return { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens } };
  }

  #facts() {
    return answerStatsOf(this.#choices[0]!, this.#served, this.#context);
  }

  #logprobs(tokens: readonly ChatToken[], start: number): TextLogprobs {
    if (this.#request.logprobs === undefined) return null;
    const wire = wireTokens(tokens, this.#served.model.tokenizer);
    let offset = start;
    return {
      tokens: wire.map(({ token }) => token),
      token_logprobs: wire.map(({ logprob }) => logprob),
      top_logprobs: wire.map(({ top_logprobs }) => Object.fromEntries(top_logprobs.map((t) => [t.token, t.logprob]))),
      text_offset: wire.map(({ token }) => {
        offset += token.length;
        return offset - token.length;
      }),
    };
  }
}
