/** POST /v1/chat/completions: a conversation with pictures, answered at once or as a stream. */
import { randomUUID } from "node:crypto";
import {
  type AnswerFacts,
  type ChatChunk,
  type ChatCompletion,
  type ChatRequest,
  type CompletionUsage,
  type ContentLogprob,
  chatRequestSchema,
  harmlessChatFields,
  ignoredHeader,
  parseBody,
  type WireFinishReason,
} from "../../protocol/index.js";
import type { ChatEvent, ChatToken } from "../../runtime/index.js";
import { answers, type ChoiceEvent, type Question } from "../answers.js";
import { readJson } from "../body.js";
import { readConversation } from "../conversation.js";
import type { App, Exchange } from "../exchange.js";
import { wireTokens } from "../logprobs.js";
import type { ServedModel } from "../models.js";
import { chatOptions } from "../options.js";
import { resolvePicture } from "../pictures.js";
import type { Services } from "../services.js";
import { type SseEvent, streamEvents } from "../sse.js";

export function addChatCompletions(app: App, services: Services): void {
  app.post("/v1/chat/completions", async (c) => {
    const { value: request, ignored } = parseBody(
      chatRequestSchema,
      await readJson(c, services.config.maxBodyBytes),
      harmlessChatFields,
    );
    if (ignored.length > 0) c.header(ignoredHeader, ignored.join(", "));
    const exchange = c.get("exchange");
    const question = await readQuestion(request, services);
    const reply = new Reply(request, question.served);
    const events = answers(question, exchange);
    if (request.stream) return streamEvents(c, chunks(events, reply, exchange));
    for await (const { index, event } of events) reply.take(index, event, exchange);
    return c.json(reply.completion(exchange));
  });
}

async function readQuestion(request: ChatRequest, services: Services): Promise<Question> {
  const served = services.models.find(request.model);
  const messages = await readConversation(request.messages, (url) => resolvePicture(url, services.config));
  return { served, messages, options: chatOptions(request), numChoices: request.n ?? 1 };
}

async function* chunks(events: AsyncIterable<ChoiceEvent>, reply: Reply, exchange: Exchange): AsyncGenerator<SseEvent> {
  for await (const { index, event } of events) {
    yield { data: reply.take(index, event, exchange) };
  }
  if (reply.wantsUsage) yield { data: reply.usageChunk() };
}

type AnswerEnd = Extract<ChatEvent, { type: "end" }>;

/** What one choice has said so far. */
interface Choice {
  text: string;
  readonly logprobs: ContentLogprob[];
  end: AnswerEnd | undefined;
}

/** Gathers the events of all choices, and says each as chunks for those who stream. */
class Reply {
  readonly #request: ChatRequest;
  readonly #served: ServedModel;
  readonly #choices: Choice[];
  readonly #head;

  constructor(request: ChatRequest, served: ServedModel) {
    this.#request = request;
    this.#served = served;
    this.#choices = Array.from({ length: request.n ?? 1 }, () => ({ text: "", logprobs: [], end: undefined }));
    this.#head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: served.id };
  }

  get wantsUsage(): boolean {
    return this.#request.stream_options?.include_usage === true;
  }

  /** Our own facts stand on the chunk that ends the last choice. */
  take(index: number, event: ChatEvent, exchange: Exchange): ChatChunk {
    const choice = this.#choices[index]!;
    if (event.type === "end") {
      choice.end = event;
      const isLast = this.#choices.every(({ end }) => end);
      const chunk = this.#chunk(index, {}, null, event.finishReason);
      return isLast ? { ...chunk, ocellus: this.#facts(exchange) } : chunk;
    }
    const logprobs = this.#logprobs(event.tokens);
    const opening = choice.text === "" ? ({ role: "assistant" } as const) : {};
    choice.text += event.text;
    choice.logprobs.push(...logprobs);
    return this.#chunk(index, { ...opening, content: event.text }, logprobs);
  }

  usageChunk(): ChatChunk {
    return { ...this.#chunkHead(), choices: [], usage: this.#usage() };
  }

  completion(exchange: Exchange): ChatCompletion {
    return {
      ...this.#head,
      object: "chat.completion",
      choices: this.#choices.map(({ text, logprobs, end }, index) => ({
        index,
        message: { role: "assistant", content: text, refusal: null },
        logprobs: this.#request.logprobs ? { content: logprobs } : null,
        finish_reason: end!.finishReason,
      })),
      usage: this.#usage(),
      ocellus: this.#facts(exchange),
    };
  }

  #chunkHead() {
    return { ...this.#head, object: "chat.completion.chunk" as const };
  }

  #chunk(
    index: number,
    delta: ChatChunk["choices"][number]["delta"],
    logprobs: ContentLogprob[] | null,
    finish_reason: WireFinishReason | null = null,
  ): ChatChunk {
    const content = this.#request.logprobs && logprobs ? { content: logprobs } : null;
    return { ...this.#chunkHead(), choices: [{ index, delta, logprobs: content, finish_reason }] };
  }

  #logprobs(tokens: readonly ChatToken[]): ContentLogprob[] {
    return this.#request.logprobs ? wireTokens(tokens, this.#served.model.tokenizer) : [];
  }

  #usage(): CompletionUsage {
    const prompt_tokens = this.#choices[0]!.end!.usage.promptTokens;
    const completion_tokens = this.#choices.reduce((sum, { end }) => sum + end!.usage.completionTokens, 0);
    return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  }

  #facts(exchange: Exchange): AnswerFacts {
    const { timings, pictures } = this.#choices[0]!.end!;
    return {
      timings: {
        queue_ms: exchange.facts.queueMs ?? 0,
        vision_ms: timings.visionMs,
        first_token_ms: timings.firstTokenMs,
        total_ms: performance.now() - exchange.started,
        tokens_per_second: timings.tokensPerSecond,
      },
      model_version: this.#served.model.info.digest,
      pictures: pictures.map(({ digest, known, numTokens }) => ({ sha256: digest, cached: known, tokens: numTokens })),
    };
  }
}
