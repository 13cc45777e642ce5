/** POST /v1/chat/completions: a conversation with pictures, answered at once or as a stream. */
import { randomUUID } from "node:crypto";
import type { ChatToken } from "../../core/runtime/index.js";
import {
  type ChatChunk,
  type ChatCompletion,
  type ChatRequest,
  type ContentLogprob,
  chatChunkSchema,
  chatCompletionSchema,
  chatRequestSchema,
  harmlessChatFields,
  type WireFinishReason,
} from "../../protocol/index.js";
import { ownNames, usageOf, wireTokens } from "../../wire/index.js";
import { answers } from "../answers.js";
import { Choice, type Delta } from "../choice.js";
import { maxCalls, readGenerationRequest } from "../generation-request.js";
import type { App, RequestContext } from "../request-context.js";
import type { ChoiceEvent, GenerationRequest } from "../request-events.js";
import { answerStatsOf } from "../request-stats.js";
import { addJsonRoute } from "../route.js";
import type { ServedModel } from "../served.js";
import { type SseEvent, streamEvents } from "../sse.js";

export function addChatCompletions(app: App): void {
  addJsonRoute(
    app,
    {
      path: "/v1/chat/completions",
      summary: "Answer a conversation with images.",
      request: chatRequestSchema,
      answer: chatCompletionSchema,
      event: chatChunkSchema,
      harmless: harmlessChatFields,
    },
    async (c, request) => {
      const context = c.get("context");
      context.input.names = { ...ownNames };
      const generation = await readGenerationRequest(request, context);
      const builder = new ResponseBuilder(request, generation, context);
      const events = answers(generation, context);
      if (request.stream) return streamEvents(c, chunks(events, builder));
      for await (const event of events) builder.take(event);
      return c.json(builder.completion());
    },
  );
}

async function* chunks(events: AsyncIterable<ChoiceEvent>, builder: ResponseBuilder): AsyncGenerator<SseEvent> {
  for await (const event of events) {
    for (const data of builder.take(event)) yield { data };
  }
  if (builder.wantsUsage) yield { data: builder.usageChunk() };
}

/** Gathers the events of all choices, and says each as chunks for those who stream. */
class ResponseBuilder {
  readonly #request: ChatRequest;
  readonly #served: ServedModel;
  readonly #citations: GenerationRequest["citations"];
  readonly #context: RequestContext;
  readonly #choices: Choice[];
  readonly #head;

  constructor(request: ChatRequest, { served, citations }: GenerationRequest, context: RequestContext) {
    this.#request = request;
    this.#served = served;
    this.#citations = citations;
    this.#context = context;
    this.#choices = Array.from({ length: request.n ?? 1 }, () => new Choice(maxCalls(request)));
    this.#head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: served.id };
  }

  get wantsUsage(): boolean {
    return this.#request.stream_options?.include_usage === true;
  }

  take({ index, event }: ChoiceEvent): ChatChunk[] {
    const choice = this.#choices[index]!;
    const isFirst = choice.isEmpty;
    const delta = choice.take(event);
    const says = delta.text !== "" || delta.reasoning !== "" || delta.calls.length > 0 || (isFirst && choice.hasEnded);
    const said = says ? [this.#deltaChunk(index, delta, isFirst)] : [];
    const silent = says ? [] : delta.tokens; // such as the one that ended the answer
    return choice.hasEnded ? [...said, this.#endChunk(index, choice.finishReason, silent)] : said;
  }

  usageChunk(): ChatChunk {
    return { ...this.#chunkHead(), choices: [], usage: usageOf(this.#choices) };
  }

  completion(): ChatCompletion {
    return {
      ...this.#head,
      object: "chat.completion",
      choices: this.#choices.map((choice, index) => ({
        index,
        message: {
          role: "assistant",
          content: choice.text === "" && choice.calls.length > 0 ? null : choice.text,
          ...(choice.reasoning !== "" && { reasoning_content: choice.reasoning }),
          refusal: null,
          ...(choice.calls.length > 0 && { tool_calls: choice.calls }),
        },
        logprobs: this.#logprobs(choice.tokens),
        finish_reason: choice.finishReason,
      })),
      usage: usageOf(this.#choices),
      ocellus: this.#facts(),
    };
  }

  #deltaChunk(index: number, { text, reasoning, calls, tokens }: Delta, isFirst: boolean): ChatChunk {
    const delta = {
      ...(isFirst && { role: "assistant" as const }),
      ...(reasoning !== "" && { reasoning_content: reasoning }),
      ...((text !== "" || (calls.length === 0 && reasoning === "")) && { content: text }),
      ...(calls.length > 0 && { tool_calls: [...calls] }),
    };
    const choice = { index, delta, logprobs: this.#logprobs(tokens), finish_reason: null };
    return { ...this.#chunkHead(), choices: [choice] };
  }

  /** Our own facts stand on the chunk that ends the last choice. */
  #endChunk(index: number, finish_reason: WireFinishReason, tokens: readonly ChatToken[]): ChatChunk {
    const isLast = this.#choices.every((choice) => choice.hasEnded);
    return {
      ...this.#chunkHead(),
      choices: [{ index, delta: {}, logprobs: tokens.length > 0 ? this.#logprobs(tokens) : null, finish_reason }],
      ...(isLast && { ocellus: this.#facts() }),
    };
  }

  #facts(): ChatCompletion["ocellus"] {
    return answerStatsOf(this.#choices[0]!, this.#served, this.#context, this.#citations);
  }

  /** As OpenAI documents it: a client that wants the usage finds the name on every chunk. */
  #chunkHead() {
    return { ...this.#head, object: "chat.completion.chunk" as const, ...(this.wantsUsage && { usage: null }) };
  }

  #logprobs(tokens: readonly ChatToken[]): { content: ContentLogprob[] } | null {
    return this.#request.logprobs ? { content: wireTokens(tokens, this.#served.model.tokenizer) } : null;
  }
}
