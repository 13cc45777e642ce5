/**
 * The events of an engine → those of an answer. Calls of tools become the blocks that local models write, so that guardrails read
 * them and the server parses them in one way, wherever an answer comes from.
 */
import type {
  ChatEvent,
  ChatImage,
  ChatOptions,
  ChatTimings,
  ChatToken,
  ChatUsage,
  Prepared,
} from "../core/runtime/index.js";
import { AnswerFields } from "./answer-fields.js";
import type { EngineEvent, EngineToken } from "./chunk.js";
import type { OutgoingImage } from "./outgoing-images.js";
import type { EngineMessage } from "./request.js";

/** A request that an engine elsewhere is to answer. */
export interface PreparedRemote extends Prepared {
  readonly messages: readonly EngineMessage[];
  /** One for each of `images`. */
  readonly outgoing: readonly OutgoingImage[];
}

type EngineEnd = Extract<EngineEvent, { type: "end" }>;
type CallEvent = Extract<EngineEvent, { type: "toolCall" }>;

export async function* remoteAnswer(
  events: AsyncIterable<EngineEvent>,
  prepared: PreparedRemote,
): AsyncGenerator<ChatEvent> {
  const calls = new CallWriter();
  const { options } = prepared;
  const clock = new RemoteClock(prepared);
  const fields = options.fields ? new AnswerFields() : undefined;
  let text = "";
  const write = (piece: string, tokens: readonly EngineToken[] = []): ChatEvent => {
    text += piece;
    return { type: "text", text: piece, tokens: chatTokens(tokens, options) };
  };
  for await (const event of events) {
    clock.event(event);
    if (event.type === "end") {
      const last = calls.end();
      if (last !== "") yield write(last);
      yield await endOf(event, { prepared, clock, fields, text });
    } else if (event.type === "toolCall") {
      const block = calls.push(event);
      if (block !== "") yield write(block);
    } else if (event.type === "reasoning")
      yield { type: "reasoning", text: event.text, tokens: chatTokens(event.tokens, options) };
    else {
      fields?.push(event.tokens);
      yield write(event.text, event.tokens);
    }
  }
}

interface Ending {
  readonly prepared: PreparedRemote;
  readonly clock: RemoteClock;
  readonly fields: AnswerFields | undefined;
  readonly text: string;
}

async function endOf(event: EngineEnd, { prepared, clock, fields, text }: Ending): Promise<ChatEvent> {
  const { finishReason, stopSequence, namedImages = [] } = event;
  const { responseFormat } = prepared.options;
  const schema = responseFormat?.type === "json_schema" ? responseFormat.schema : undefined;
  const isWhole = finishReason === "stop" && stopSequence === undefined;
  const images = prepared.images.map((image, i): ChatImage => {
    const isNamed = namedImages.includes(prepared.outgoing[i]!.uuid);
    return isNamed ? { ...image, source: "engine", known: true } : image;
  });
  return {
    ...{ type: "end", finishReason, images, usage: clock.usage(event), timings: clock.timings(event, images) },
    ...(stopSequence !== undefined && { stopSequence }),
    ...(fields && { fields: await fields.fields(schema, text, isWhole) }),
  };
}

/** Those that its client asked for: fields need more. */
function chatTokens(tokens: readonly EngineToken[], { sampling = {} }: ChatOptions): ChatToken[] {
  if (!sampling.logprobs) return [];
  const { top_logprobs = 0 } = sampling;
  return tokens.map(({ logprob, topLogprobs, ...token }) => ({
    ...{ spelling: token, logprob },
    topLogprobs: topLogprobs.slice(0, top_logprobs).map(({ logprob, ...top }) => ({ spelling: top, logprob })),
  }));
}

/** Pieces of calls → whole blocks, each when the next call begins or the answer ends. */
class CallWriter {
  #index: number | undefined;
  #name = "";
  #arguments = "";

  /** @returns the block that is whole now */
  push({ index, name, arguments: piece }: CallEvent): string {
    const block = this.#index === undefined || this.#index === index ? "" : this.end();
    this.#index = index;
    if (name !== undefined) this.#name = name;
    this.#arguments += piece;
    return block;
  }

  end(): string {
    if (this.#index === undefined) return "";
    // Within a string of JSON, `<\/` is `</`: a tag in there is not the block's end.
    const given = this.#arguments.trim() === "" ? "{}" : this.#arguments.replaceAll("</", "<\\/");
    const block = `\n<tool_call>\n{"name": ${JSON.stringify(this.#name)}, "arguments": ${given}}\n</tool_call>`;
    this.#index = undefined;
    this.#name = "";
    this.#arguments = "";
    return block;
  }
}

class RemoteClock {
  readonly #prepared: PreparedRemote;
  #numEvents = 0;
  #firstAt = 0;
  #lastAt = 0;

  constructor(prepared: PreparedRemote) {
    this.#prepared = prepared;
  }

  event({ type }: EngineEvent): void {
    if (type === "end") return;
    this.#lastAt = performance.now();
    if (this.#numEvents++ === 0) this.#firstAt = this.#lastAt;
  }

  /** Where the engine counts nothing, its events are counted: mostly one a token. */
  usage({ usage }: EngineEnd): ChatUsage {
    if (!usage) return { promptTokens: 0, cachedTokens: 0, completionTokens: this.#numEvents };
    const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage;
    const counted = { promptTokens, cachedTokens, completionTokens };
    return { ...counted, ...(reasoningTokens !== undefined && { reasoningTokens }) };
  }

  timings(end: EngineEnd, images: readonly ChatImage[]): ChatTimings {
    const { started, visionMs } = this.#prepared;
    const now = performance.now();
    const first = this.#numEvents > 0 ? this.#firstAt : now;
    const { completionTokens } = this.usage(end);
    const seconds = (this.#lastAt - this.#firstAt) / 1000;
    return {
      visionMs,
      imagesCached: images.filter(({ known }) => known).length,
      firstTokenMs: first - started,
      totalMs: now - started,
      tokensPerSecond: seconds > 0 && completionTokens > 1 ? (completionTokens - 1) / seconds : 0,
    };
  }
}
