/** POST /v1/messages and /v1/messages/count_tokens, as Anthropic's clients ask: the answers of chat completions, as blocks. */
import { randomUUID } from "node:crypto";
import { OcellusError, stringifyJson } from "../../core/base/index.js";
import {
  anthropicErrorSchema,
  chatRequestOf,
  countTokensRequestSchema,
  harmlessMessagesFields,
  type MessageAnswer,
  type MessageBlock,
  type MessageStop,
  type MessageUsage,
  messageAnswerSchema,
  messageEventSchema,
  messagesRequestSchema,
  parseBodyJson,
  tokenCountSchema,
  wireGuardReports,
} from "../../protocol/index.js";
import { ownNames, usageOf } from "../../wire/index.js";
import { answers, countedPrompt } from "../answers.js";
import { Choice, type Delta } from "../choice.js";
import { maxCalls, readGenerationRequest } from "../generation-request.js";
import type { App, HonoContext, RequestContext } from "../request-context.js";
import type { ChoiceEvent, GenerationRequest } from "../request-events.js";
import { answerStatsOf } from "../request-stats.js";
import { addJsonRoute } from "../route.js";
import type { ServedModel } from "../served.js";
import { type SseEvent, streamEvents } from "../sse.js";

/** Both have what is answered here; the second one's clients find every field that it names. */
const knownVersions = ["2023-06-01", "2026-10-21"];

export function addMessages(app: App): void {
  const shape = { harmless: harmlessMessagesFields, error: anthropicErrorSchema };
  addJsonRoute(
    app,
    {
      path: "/v1/messages",
      summary: "The same, as Anthropic's Messages API.",
      request: messagesRequestSchema,
      answer: messageAnswerSchema,
      event: messageEventSchema,
      ...shape,
    },
    async (c, request) => {
      const { context, generation, chat } = await readQuestion(c, request);
      const builder = new MessageBuilder(new Choice(maxCalls(chat)), generation, context);
      const events = answers(generation, context);
      if (request.stream) return streamEvents(c, builder.stream(events), "");
      for await (const { event } of events) builder.take(event);
      return c.body(stringifyJson(builder.message()), 200, { "content-type": "application/json" });
    },
  );
  addJsonRoute(
    app,
    {
      path: "/v1/messages/count_tokens",
      summary: "How many tokens such a question has, images included.",
      request: countTokensRequestSchema,
      answer: tokenCountSchema,
      ...shape,
    },
    async (c, request) => {
      const { context, generation } = await readQuestion(c, request);
      const input_tokens = await countedPrompt(generation, context);
      return c.json({ input_tokens, ocellus: { guards: wireGuardReports(context.guardReports) } });
    },
  );
}

async function readQuestion(c: HonoContext, request: Parameters<typeof chatRequestOf>[0]) {
  const context = c.get("context");
  const version = c.req.header("anthropic-version");
  if (version !== undefined && !knownVersions.includes(version))
    throw new OcellusError(
      "unsupported",
      `anthropic-version: expected ${knownVersions.join(" or ")}, found ${version.slice(0, 60)}`,
      { details: { param: "anthropic-version", expected: knownVersions } },
    );
  if (c.req.header("anthropic-beta") !== undefined) context.input.ignored.push("anthropic-beta");
  if (request.output_config?.effort && request.thinking?.type !== "adaptive")
    context.input.ignored.push("output_config.effort");
  context.input.names = { ...ownNames, reasoning_effort: "thinking" };
  const chat = chatRequestOf(request);
  return { context, chat, generation: await readGenerationRequest(chat, context) };
}

type MessageEvent = { readonly type: string; readonly [name: string]: unknown };

/** Blocks grow in order: thoughts, then words, each call a block of its own. */
class MessageBuilder {
  readonly #choice: Choice;
  readonly #served: ServedModel;
  readonly #citations: GenerationRequest["citations"];
  readonly #context: RequestContext;
  readonly #id = `msg_${randomUUID().replaceAll("-", "")}`;
  readonly #blocks: MessageBlock[] = [];
  #isOpen = false;

  constructor(choice: Choice, { served, citations }: GenerationRequest, context: RequestContext) {
    this.#choice = choice;
    this.#served = served;
    this.#citations = citations;
    this.#context = context;
  }

  /** What one event of the model adds, as events of the wire. */
  take(event: ChoiceEvent["event"]): MessageEvent[] {
    const delta = this.#choice.take(event);
    const said = [
      ...(delta.reasoning === "" ? [] : this.#write("thinking", delta.reasoning)),
      ...(delta.text === "" ? [] : this.#write("text", delta.text)),
      ...delta.calls.flatMap((call) => this.#call(call)),
    ];
    return this.#choice.hasEnded ? [...said, ...this.#close()] : said;
  }

  async *stream(events: AsyncIterable<ChoiceEvent>): AsyncGenerator<SseEvent> {
    let hasBegun = false;
    for await (const { event } of events) {
      if (!hasBegun) yield named({ type: "message_start", message: this.message() }); // until now it may be refused
      hasBegun = true;
      for (const each of this.take(event)) yield named(each);
    }
    const { stop_reason, stop_sequence, stop_details, usage, ocellus } = this.message();
    const delta = { stop_reason, stop_sequence, stop_details, container: null };
    yield named({ type: "message_delta", delta, usage, ocellus });
    yield named({ type: "message_stop" });
  }

  message(): MessageAnswer {
    const { hasEnded } = this.#choice;
    return {
      ...{ id: this.#id, type: "message", role: "assistant", model: this.#served.id },
      content: structuredClone(this.#blocks),
      ...this.#stop(),
      ...{ container: null, diagnostics: null },
      usage: this.#usage(),
      ...(hasEnded && { ocellus: answerStatsOf(this.#choice, this.#served, this.#context, this.#citations) }),
    };
  }

  #stop(): MessageStop {
    const none = { stop_reason: null, stop_sequence: null, stop_details: null };
    if (!this.#choice.hasEnded) return none;
    const { finishReason, end } = this.#choice;
    if (finishReason === "content_filter")
      return {
        ...none,
        stop_reason: "refusal",
        stop_details: {
          type: "refusal",
          category: null,
          explanation: "content_filter: a guardrail stopped the answer",
        },
      };
    if (end.stopSequence !== undefined && finishReason === "stop")
      return { ...none, stop_reason: "stop_sequence", stop_sequence: end.stopSequence };
    const reasons = { stop: "end_turn", length: "max_tokens", tool_calls: "tool_use" } as const;
    return { ...none, stop_reason: reasons[finishReason] };
  }

  #usage(): MessageUsage {
    if (!this.#choice.hasEnded) return usageFrom(this.#context.stats.promptTokens ?? 0, 0, 0);
    const { prompt_tokens, prompt_tokens_details, completion_tokens, ...details } = usageOf([this.#choice]);
    const thoughts = details.completion_tokens_details?.reasoning_tokens;
    return usageFrom(prompt_tokens, prompt_tokens_details.cached_tokens, completion_tokens, thoughts);
  }

  #write(type: "thinking" | "text", piece: string): MessageEvent[] {
    const isNew = !this.#isOpen || this.#blocks.at(-1)!.type !== type;
    const block: MessageBlock =
      type === "text" ? { type, text: "", citations: null } : { type, thinking: "", signature: "" };
    const opened = isNew ? this.#open(block) : [];
    const last = this.#blocks.at(-1)!;
    if (last.type === "text") last.text += piece;
    else if (last.type === "thinking") last.thinking += piece;
    const delta = type === "text" ? { type: "text_delta", text: piece } : { type: "thinking_delta", thinking: piece };
    return [...opened, { type: "content_block_delta", index: this.#blocks.length - 1, delta }];
  }

  #call({ id, function: { name, arguments: json } }: Delta["calls"][number]): MessageEvent[] {
    const block = { type: "tool_use", id, name, input: {}, caller: { type: "direct" } } as const;
    const opened = this.#open(block);
    const index = this.#blocks.length - 1;
    this.#blocks[index] = { ...block, input: parseBodyJson(json) as Record<string, unknown> };
    const delta = { type: "input_json_delta", partial_json: json };
    return [...opened, { type: "content_block_delta", index, delta }, ...this.#close()];
  }

  #open(block: MessageBlock): MessageEvent[] {
    const closed = this.#close();
    this.#blocks.push({ ...block });
    this.#isOpen = true;
    return [...closed, { type: "content_block_start", index: this.#blocks.length - 1, content_block: block }];
  }

  #close(): MessageEvent[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    return [{ type: "content_block_stop", index: this.#blocks.length - 1 }];
  }
}

function named(event: MessageEvent): SseEvent {
  return { event: event.type, data: event };
}

function usageFrom(prompt: number, cached: number, output_tokens: number, thoughts?: number): MessageUsage {
  return {
    input_tokens: prompt - cached,
    ...{ cache_creation_input_tokens: 0, cache_read_input_tokens: cached, output_tokens },
    output_tokens_details: thoughts === undefined ? null : { thinking_tokens: thoughts },
    ...{ cache_creation: null, inference_geo: null, server_tool_use: null, service_tier: null, speed: null },
  };
}
