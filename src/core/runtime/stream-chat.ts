/** Token events → text events: streaming decode, stop strings, usage and timings. */
import { invariant } from "../base/index.js";
import type { FinishReason, TokenEvent } from "../engine/index.js";
import type { Fields } from "../grammar/index.js";
import { StreamDecoder, type Tokenizer } from "../tokenizer/index.js";
import { AnswerParts, type Part } from "./answer-parts.js";
import type {
  ChatEvent,
  ChatOptions,
  ChatResult,
  ChatTimings,
  ChatToken,
  ChatUsage,
  LocalToken,
  NamedToken,
  PreparedChat,
  TokenSpelling,
} from "./chat.js";
import { closing, opening } from "./reasoning.js";
import { StopStrings } from "./stop-strings.js";

const utf8 = new TextEncoder();

interface StreamContext {
  readonly tokenizer: Tokenizer;
  readonly prepared: PreparedChat;
  /** Hears every token, and says at the end how sure each field is. */
  readonly fieldReader?:
    | { push(event: TokenEvent): void; fields(cut: number | undefined, hasThoughts: boolean): Promise<Fields> }
    | undefined;
}

/**
 * Text as it becomes certain: never half a character, never a part of a stop string, nor the token that stopped it.
 * Ends with one "end" event.
 */
export async function* streamChat(
  events: AsyncIterable<TokenEvent>,
  context: StreamContext,
): AsyncGenerator<ChatEvent<LocalToken>> {
  const { images, options, reasoning, notes } = context.prepared;
  const decoder = new StreamDecoder(context.tokenizer, { keep: reasoning ? [opening, closing] : [] });
  const parts = new AnswerParts<TokenEvent>(reasoning);
  const stops = new StopStrings(stopsOf(options));
  const clock = new AnswerClock(context.prepared);
  let tokens: LocalToken[] = [];
  let finishReason: FinishReason | undefined;
  let stopSequence: string | undefined;
  let rest = "";
  let numBytes = 0;
  const { fieldReader } = context;
  for await (const event of events) {
    clock.token(event);
    finishReason = event.finishReason;
    const piece = event.finishReason === "stop" ? "" : decoder.push(event.tokenId);
    const { reasoning: thought, content } = parts.push(piece, event);
    if (says(thought)) yield reasoningEvent(thought);
    for (const written of content.tokens) fieldReader?.push(written);
    tokens.push(...content.tokens.map(chatToken));
    const { text, stop } = stops.push(content.text);
    stopSequence = stop;
    if (stop !== undefined) finishReason = "stop";
    numBytes += utf8.encode(text).length;
    if (text !== "") {
      yield { type: "text", text, tokens };
      tokens = [];
    }
    if (stop !== undefined) break; // leaving the loop frees the sequence
  }
  invariant(finishReason, "a token stream ends with a finish reason");
  if (stopSequence === undefined) {
    const { reasoning: thought, content } = parts.end(decoder.flush());
    if (says(thought)) yield reasoningEvent(thought);
    for (const written of content.tokens) fieldReader?.push(written);
    tokens.push(...content.tokens.map(chatToken));
    const last = stops.push(content.text);
    stopSequence = last.stop;
    numBytes += utf8.encode(last.text).length;
    if (last.stop !== undefined) finishReason = "stop";
    rest = last.text + stops.flush();
  }
  if (rest !== "" || tokens.length > 0) yield { type: "text", text: rest, tokens };
  const usage = { ...clock.usage(), ...(reasoning && { reasoningTokens: parts.numTokens }) };
  const stopped = stopSequence === undefined ? {} : { stopSequence };
  const cut = stopSequence === undefined ? undefined : numBytes;
  const fields = fieldReader && { fields: await fieldReader.fields(cut, parts.numTokens > 0) };
  const facts = { ...fields, ...(notes && { notes }) };
  yield { type: "end", finishReason, ...stopped, usage, timings: clock.timings(), images, ...facts };
}

function says({ text, tokens }: Part<TokenEvent>): boolean {
  return text !== "" || tokens.length > 0;
}

function reasoningEvent({ text, tokens }: Part<TokenEvent>): ChatEvent<LocalToken> {
  return { type: "reasoning", text, tokens: tokens.map(chatToken) };
}

function stopsOf({ stop = [] }: ChatOptions): readonly string[] {
  return typeof stop === "string" ? [stop] : stop;
}

function chatToken({ tokenId, logprob, topLogprobs }: TokenEvent): LocalToken {
  return { tokenId, ...(logprob !== undefined && { logprob }), ...(topLogprobs && { topLogprobs }) };
}

class AnswerClock {
  readonly #prepared: PreparedChat;
  #numTokens = 0;
  #cachedTokens = 0;
  #firstAt = 0;
  #lastAt = 0;
  readonly #spared = { draftedTokens: 0, acceptedTokens: 0, forcedTokens: 0 };

  constructor(prepared: PreparedChat) {
    this.#prepared = prepared;
  }

  token({ cachedTokens = 0, source, numDrafted = 0 }: TokenEvent): void {
    this.#cachedTokens += cachedTokens;
    this.#spared.draftedTokens += numDrafted;
    this.#spared.acceptedTokens += Number(source === "draft");
    this.#spared.forcedTokens += Number(source === "forced");
    this.#lastAt = performance.now();
    if (this.#numTokens++ === 0) this.#firstAt = this.#lastAt;
  }

  usage(): ChatUsage {
    return {
      promptTokens: this.#prepared.promptTokens,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#numTokens,
    };
  }

  timings(): ChatTimings {
    const { started, visionMs, images } = this.#prepared;
    const decodeMs = this.#lastAt - this.#firstAt;
    return {
      visionMs,
      imagesCached: images.filter(({ known }) => known).length,
      firstTokenMs: this.#firstAt - started,
      totalMs: performance.now() - started,
      tokensPerSecond: decodeMs > 0 ? ((this.#numTokens - 1) * 1000) / decodeMs : 0,
      ...this.#spared,
    };
  }
}

/** A stream read to its end. */
export async function collect<Token extends ChatToken>(
  events: AsyncIterable<ChatEvent<Token>>,
): Promise<ChatResult<Token>> {
  let [text, reasoning] = ["", ""];
  const tokens: Token[] = [];
  for await (const event of events) {
    if (event.type === "reasoning") reasoning += event.text;
    else if (event.type === "text") {
      text += event.text;
      tokens.push(...event.tokens);
    } else {
      const { type: _, ...facts } = event;
      return { text, ...(reasoning !== "" && { reasoning }), tokens, ...facts };
    }
  }
  throw new Error("internal: a chat stream ends with an end event");
}

/** @param tokenizer of the model that the token is of */
export function spellingOf({ tokenId, spelling }: NamedToken, tokenizer: Tokenizer | undefined): TokenSpelling {
  if (spelling) return spelling;
  invariant(tokenizer && tokenId !== undefined, "a token has a spelling, or its model a tokenizer");
  const bytes = tokenizer.bytesOf?.(tokenId);
  return { text: tokenizer.decode([tokenId], { skipSpecialTokens: false }), ...(bytes && { bytes: [...bytes] }) };
}
