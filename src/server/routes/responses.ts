/** POST /v1/responses: the same answers as chat completions, as items; streamed, as named events. */

import { randomUUID } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { invariant, stringifyJson } from "../../core/base/index.js";
import {
  asChatRequest,
  harmlessResponseFields,
  type OutputItem,
  type OutputTextPart,
  type ResponseRequest,
  responseRequestSchema,
  responseSchema,
  type WireResponse,
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

export function addResponses(app: App): void {
  addJsonRoute(
    app,
    {
      path: "/v1/responses",
      summary: "The same, as items and named events (OpenAI's newer API).",
      request: responseRequestSchema,
      answer: responseSchema,
      event: responseEventSchema,
      harmless: harmlessResponseFields,
    },
    async (c, request) => {
      const context = c.get("context");
      context.input.names = {
        messages: "input",
        response_format: "text.format",
        max_tokens: "max_output_tokens",
        ...ownNames,
        reasoning_effort: "reasoning",
      };
      const chat = asChatRequest(request);
      const generation = await readGenerationRequest(chat, context);
      const builder = new ResponseBuilder(request, new Choice(maxCalls(chat)), generation, context);
      const events = answers(generation, context);
      if (request.stream) return streamEvents(c, numbered(builder.stream(events)), "");
      for await (const { event } of events) builder.take(event);
      return c.body(stringifyJson(builder.response()), 200, { "content-type": "application/json" });
    },
  );
}

const responseEventSchema = z.object({ type: z.string(), sequence_number: z.number() });

interface ResponseEvent {
  readonly type: string;
  readonly [name: string]: unknown;
}

async function* numbered(events: AsyncIterable<ResponseEvent>): AsyncGenerator<SseEvent> {
  let sequence_number = 0;
  for await (const event of events) yield { event: event.type, data: { ...event, sequence_number: sequence_number++ } };
}

/** Items grow in order: thoughts, then words, each call an item of its own. */
class ResponseBuilder {
  readonly #request: ResponseRequest;
  readonly #choice: Choice;
  readonly #served: ServedModel;
  readonly #citations: GenerationRequest["citations"];
  readonly #context: RequestContext;
  readonly #head;
  readonly #items: OutputItem[] = [];

  constructor(
    request: ResponseRequest,
    choice: Choice,
    { served, citations }: GenerationRequest,
    context: RequestContext,
  ) {
    this.#request = request;
    this.#choice = choice;
    this.#served = served;
    this.#citations = citations;
    this.#context = context;
    this.#head = { id: newId("resp"), object: "response" as const, created_at: Math.floor(Date.now() / 1000) };
  }

  /** What one event of the model adds, as events of the wire. */
  take(event: ChoiceEvent["event"]): ResponseEvent[] {
    const delta = this.#choice.take(event);
    if (delta.reasoning !== "") return this.#addThought(delta.reasoning);
    const said = delta.text !== "" || this.#hasSilentTokens(delta) ? this.#addText(delta) : [];
    const called = delta.calls.flatMap((call) => [...this.#closeItem(), ...this.#addCall(call)]);
    if (!this.#choice.hasEnded) return [...said, ...called];
    const empty = this.#items.every(({ type }) => type === "reasoning") ? this.#openText() : []; // an answer without words is still an answer
    return [...said, ...called, ...empty, ...this.#closeItem()];
  }

  async *stream(events: AsyncIterable<ChoiceEvent>): AsyncGenerator<ResponseEvent> {
    let hasBegun = false;
    for await (const { event } of events) {
      if (!hasBegun) {
        hasBegun = true; // not before the first event: until then the request may still be refused
        yield { type: "response.created", response: this.response() };
        yield { type: "response.in_progress", response: this.response() };
      }
      yield* this.take(event);
    }
    const response = this.response();
    yield { type: `response.${response.status}`, response };
  }

  response(): WireResponse {
    const { instructions, max_output_tokens, temperature, top_p, tools, tool_choice, text } = this.#request;
    return {
      ...this.#head,
      status: this.#status(),
      error: null,
      incomplete_details: this.#status() === "incomplete" ? { reason: this.#incompleteReason() } : null,
      instructions: instructions ?? null,
      max_output_tokens: max_output_tokens ?? null,
      model: this.#served.id,
      output: structuredClone(this.#items),
      parallel_tool_calls: this.#request.parallel_tool_calls ?? true,
      previous_response_id: null,
      store: false,
      temperature: temperature ?? null,
      text: { format: text?.format ?? { type: "text" } },
      tool_choice: tool_choice ?? "auto",
      tools: tools ?? [],
      top_p: top_p ?? null,
      truncation: "disabled",
      metadata: {},
      usage: this.#choice.hasEnded ? this.#usage() : null,
      ...(this.#choice.hasEnded && {
        ocellus: answerStatsOf(this.#choice, this.#served, this.#context, this.#citations),
      }),
    };
  }

  #status(): WireResponse["status"] {
    if (!this.#choice.hasEnded) return "in_progress";
    return ["length", "content_filter"].includes(this.#choice.finishReason) ? "incomplete" : "completed";
  }

  #incompleteReason() {
    return this.#choice.finishReason === "content_filter" ? "content_filter" : "max_output_tokens";
  }

  #usage(): WireResponse["usage"] {
    const { prompt_tokens, completion_tokens, total_tokens, ...details } = usageOf([this.#choice]);
    return {
      input_tokens: prompt_tokens,
      input_tokens_details: details.prompt_tokens_details,
      output_tokens: completion_tokens,
      output_tokens_details: details.completion_tokens_details ?? { reasoning_tokens: 0 },
      total_tokens,
    };
  }

  /** Tokens without text, such as the one that ended the answer, belong to the text before them; those behind a call to none. */
  #hasSilentTokens({ tokens, calls }: Delta): boolean {
    const isText = calls.length === 0 && this.#items.at(-1)?.type !== "function_call";
    return isText && tokens.length > 0 && this.#request.top_logprobs !== undefined;
  }

  #addText({ text, tokens }: Delta): ResponseEvent[] {
    const opened = this.#openText();
    const item = this.#items.at(-1)!;
    const part = textPart(item);
    const wantsLogprobs = this.#request.top_logprobs !== undefined;
    const logprobs = wantsLogprobs ? wireTokens(tokens, this.#served.model.tokenizer) : [];
    part.text += text;
    part.logprobs.push(...logprobs);
    const place = { item_id: item.id, output_index: this.#items.length - 1, content_index: 0 };
    return [...opened, { type: "response.output_text.delta", ...place, delta: text, logprobs }];
  }

  #addThought(delta: string): ResponseEvent[] {
    const opened = this.#openThought();
    const item = this.#items.at(-1)!;
    writtenPart(item).text += delta;
    const place = { item_id: item.id, output_index: this.#items.length - 1, content_index: 0 };
    return [...opened, { type: "response.reasoning_text.delta", ...place, delta }];
  }

  #openThought(): ResponseEvent[] {
    if (this.#items.at(-1)?.type === "reasoning") return [];
    const part = { type: "reasoning_text", text: "" } as const;
    const item = { type: "reasoning", id: newId("rs"), status: "in_progress", summary: [], content: [] } as const;
    this.#items.push({ ...item, summary: [], content: [{ ...part }] });
    const output_index = this.#items.length - 1;
    return [
      { type: "response.output_item.added", output_index, item },
      { type: "response.content_part.added", item_id: item.id, output_index, content_index: 0, part },
    ];
  }

  #openText(): ResponseEvent[] {
    const last = this.#items.at(-1);
    if (last?.type === "message" && last.status === "in_progress") return [];
    const closed = this.#closeItem();
    const part: OutputTextPart = { type: "output_text", text: "", annotations: [], logprobs: [] };
    const item = { type: "message", id: newId("msg"), status: "in_progress", role: "assistant", content: [] } as const;
    this.#items.push({ ...item, content: [part] });
    const output_index = this.#items.length - 1;
    return [
      ...closed,
      { type: "response.output_item.added", output_index, item },
      { type: "response.content_part.added", item_id: item.id, output_index, content_index: 0, part: { ...part } },
    ];
  }

  #closeItem(): ResponseEvent[] {
    const item = this.#items.at(-1);
    if (!item || item.type === "function_call" || item.status !== "in_progress") return [];
    item.status = this.#status() === "incomplete" ? "incomplete" : "completed";
    const part = writtenPart(item);
    const output_index = this.#items.length - 1;
    const place = { item_id: item.id, output_index, content_index: 0 };
    return [
      part.type === "reasoning_text"
        ? { type: "response.reasoning_text.done", ...place, text: part.text }
        : { type: "response.output_text.done", ...place, text: part.text, logprobs: part.logprobs },
      { type: "response.content_part.done", ...place, part },
      { type: "response.output_item.done", output_index, item },
    ];
  }

  #addCall({ id, function: { name, arguments: json } }: Delta["calls"][number]): ResponseEvent[] {
    const item: OutputItem = {
      type: "function_call",
      id: newId("fc"),
      status: "completed",
      call_id: id,
      name,
      arguments: json,
    };
    this.#items.push(item);
    const place = { item_id: item.id, output_index: this.#items.length - 1 };
    const { output_index } = place;
    return [
      { type: "response.output_item.added", output_index, item: { ...item, status: "in_progress", arguments: "" } },
      { type: "response.function_call_arguments.delta", ...place, delta: json },
      { type: "response.function_call_arguments.done", ...place, name, arguments: json },
      { type: "response.output_item.done", output_index, item },
    ];
  }
}

function textPart(item: OutputItem): OutputTextPart {
  const part = writtenPart(item);
  invariant(part.type === "output_text", "words belong to a message");
  return part;
}

function writtenPart(item: OutputItem) {
  invariant(item.type !== "function_call", "words and thoughts belong to items of their own");
  return item.content[0]!;
}

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}
