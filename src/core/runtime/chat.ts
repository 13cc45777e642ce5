/** Token events → text events: streaming decode, stop strings, usage and timings. */
import { invariant, optionNames } from "../base/index.js";
import type { FeatureSource } from "../cache/index.js";
import type { Constraint, FinishReason, SamplingOptions, TokenEvent } from "../engine/index.js";
import type { Fields, ResponseFormat, ToolConstraint } from "../grammar/index.js";
import type { PixelBudget } from "../image/spec/index.js";
import { StreamDecoder, type Tokenizer } from "../tokenizer/index.js";
import type { FoundPlace, PlacesReader } from "./boxes.js";
import type { Familiarity } from "./familiarity.js";
import type { Reuse } from "./memory.js";
import type { SequenceInputs } from "./sequence-inputs.js";
import { StopStrings } from "./stop-strings.js";

/** The pixel budget is that of each picture, for families that take pictures of any size. */
export interface ChatOptions extends PixelBudget {
  /** Most tokens of the answer. Default 512. */
  readonly maxTokens?: number;
  /** Default: what the checkpoint's generation_config.json says, else greedy. */
  readonly sampling?: SamplingOptions;
  /** Text that ends the answer; it is not part of it. */
  readonly stop?: string | readonly string[];
  readonly stopTokenIds?: readonly number[];
  /** Whether a picture may be answered for by one that only looks the same. Default: the model's `memory.reuse`, "exact". */
  readonly reuse?: Reuse;
  /** Descriptions of tools, handed to the checkpoint's chat template as they are. */
  readonly tools?: readonly unknown[];
  /** What the answer must be, kept token by token. JSON is cut short only by `maxTokens` or `stop`. Default: free text. */
  readonly responseFormat?: ResponseFormat;
  /** Whether the end of a JSON answer says how sure each of its fields is. */
  readonly fields?: boolean;
  /** Whether the end of the answer has the boxes and points that it names, in pixels of the question's one image. */
  readonly boxes?: boolean;
  /** Whether each leaf of a JSON answer is asked for with its box. The answer comes whole, without them; they are in `boxes`. */
  readonly citeFields?: boolean;
  /**
   * Whether the model thinks before it answers, where its chat template knows `enable_thinking`. Default: not where the prompt
   * holds an image or a video, else as the template does.
   */
  readonly enableThinking?: boolean;
  /** Keeps tool calls valid; the prompt must have told the model of the tools. */
  readonly toolConstraint?: ToolConstraint;
  readonly signal?: AbortSignal;
}

export const chatOptionNames = optionNames<ChatOptions>({
  ...{ minPixels: true, maxPixels: true, maxTokens: true, sampling: true, stop: true, stopTokenIds: true },
  ...{
    reuse: true,
    tools: true,
    responseFormat: true,
    fields: true,
    boxes: true,
    citeFields: true,
    enableThinking: true,
    toolConstraint: true,
    signal: true,
  },
});

/** As the engine's; content_filter: a guard has ended the answer. */
export type AnswerReason = FinishReason | "content_filter";

export interface ChatUsage {
  readonly promptTokens: number;
  /** Of the prompt's tokens, those that were not read again: an earlier prompt had begun with them. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface ChatTimings {
  /** Encoding the pictures. */
  readonly visionMs: number;
  /** Pictures, or pairs of a video's frames, whose features were known from an earlier question. */
  readonly imagesCached: number;
  /** From the call to the first token, pictures and prompt included. */
  readonly firstTokenMs: number;
  readonly totalMs: number;
  /** Of the tokens after the first. */
  readonly tokensPerSecond: number;
  /** Tokens that were drafted and verified for this answer. Default 0. */
  readonly draftedTokens?: number;
  /** Tokens of the answer that were drafted rightly. Default 0. */
  readonly acceptedTokens?: number;
  /** Tokens of the answer that its constraint left no choice of, and that took no step of their own. Default 0. */
  readonly forcedTokens?: number;
}

/** A picture of the prompt, or a pair of a video's frames. */
export interface ChatImage {
  /** SHA-256 of the decoded pixels. */
  readonly digest: string;
  /**
   * Where its features came from; "prefix": no one asked, for the decoder had read the picture before; "near": another
   * picture answers for it.
   */
  readonly source: FeatureSource | "prefix" | "near";
  /** The picture that answers, and how alike the two are at a glance (cosine). */
  readonly near?: { readonly digest: string; readonly similarity: number };
  /** Whether the picture was known from an earlier question: any source but "encoded". */
  readonly known: boolean;
  readonly numTokens: number;
  /** Absent: the checkpoint does not say what it was trained on, or the image was read too long ago. */
  readonly familiarity?: Familiarity;
}

/**
 * A request: a prompt that is read and whose images are encoded, and how it is to be answered. Another choice of it is the same
 * with another seed in `options`; whatever else is changed there was checked as it was.
 */
export interface Prepared {
  readonly promptIds: Int32Array;
  readonly images: readonly ChatImage[];
  /** As they were asked, with the checkpoint's own defaults for what they leave out. */
  readonly options: ChatOptions;
  /** `performance.now()` when its reading began. */
  readonly started: number;
  readonly visionMs: number;
  /** Whether the prompt ends inside of a thought: how `ReasoningParser` must begin to read the answer. Default false. */
  readonly opensReasoning?: boolean;
}

/** As a model of this process makes it: with the encoded images at their places. */
export interface PreparedChat extends Prepared {
  readonly inputs: SequenceInputs;
  /** Of one answer; absent: answers are free. */
  readonly newConstraint?: (() => Constraint) | undefined;
  /** Where its boxes are read. */
  readonly places?: PlacesReader | undefined;
}

export interface ChatToken {
  readonly tokenId: number;
  readonly logprob?: number;
  readonly topLogprobs?: TokenEvent["topLogprobs"];
}

/** Each generated token is in exactly one text event, with the text that it completes; one that has none comes with the next, or last. */
export type ChatEvent =
  | { readonly type: "text"; readonly text: string; readonly tokens: readonly ChatToken[] }
  | {
      readonly type: "end";
      readonly finishReason: AnswerReason;
      readonly usage: ChatUsage;
      readonly timings: ChatTimings;
      readonly images: readonly ChatImage[];
      /** Where they were asked for. */
      readonly fields?: Fields;
      readonly boxes?: readonly FoundPlace[];
    };

export interface ChatResult {
  readonly text: string;
  readonly tokens: readonly ChatToken[];
  readonly finishReason: AnswerReason;
  readonly usage: ChatUsage;
  readonly timings: ChatTimings;
  readonly images: readonly ChatImage[];
  readonly fields?: Fields;
  readonly boxes?: readonly FoundPlace[];
}

interface StreamContext {
  readonly tokenizer: Tokenizer;
  readonly prepared: Prepared;
  /** Hears every token, and says at the end how sure each field is. */
  readonly fieldReader?: { push(event: TokenEvent): void; fields(cut?: number): Fields } | undefined;
}

/**
 * Text as it becomes certain: never half a character, never a part of a stop string, nor the token that stopped it.
 * Ends with one "end" event.
 */
export async function* streamChat(
  events: AsyncIterable<TokenEvent>,
  context: StreamContext,
): AsyncGenerator<ChatEvent> {
  const decoder = new StreamDecoder(context.tokenizer);
  const { images, options } = context.prepared;
  const stops = new StopStrings(stopsOf(options));
  const clock = new AnswerClock(context.prepared);
  let tokens: ChatToken[] = [];
  let finishReason: FinishReason | undefined;
  let isStopped = false;
  let rest = "";
  let numBytes = 0;
  const { fieldReader } = context;
  for await (const event of events) {
    clock.token(event);
    fieldReader?.push(event);
    finishReason = event.finishReason;
    tokens.push(chatToken(event));
    const { text, stopped } = stops.push(event.finishReason === "stop" ? "" : decoder.push(event.tokenId));
    if (stopped) finishReason = "stop";
    isStopped = stopped;
    numBytes += Buffer.byteLength(text);
    if (text !== "") {
      yield { type: "text", text, tokens };
      tokens = [];
    }
    if (stopped) break; // leaving the loop frees the sequence
  }
  invariant(finishReason, "a token stream ends with a finish reason");
  if (!isStopped) {
    const last = stops.push(decoder.flush());
    if (last.stopped) finishReason = "stop";
    rest = last.text + stops.flush();
  }
  if (rest !== "" || tokens.length > 0) yield { type: "text", text: rest, tokens };
  const fields = fieldReader && { fields: fieldReader.fields(isStopped ? numBytes : undefined) };
  yield { type: "end", finishReason, usage: clock.usage(), timings: clock.timings(), images, ...fields };
}

function stopsOf({ stop = [] }: ChatOptions): readonly string[] {
  return typeof stop === "string" ? [stop] : stop;
}

function chatToken({ tokenId, logprob, topLogprobs }: TokenEvent): ChatToken {
  return { tokenId, ...(logprob !== undefined && { logprob }), ...(topLogprobs && { topLogprobs }) };
}

class AnswerClock {
  readonly #prepared: Prepared;
  #numTokens = 0;
  #cachedTokens = 0;
  #firstAt = 0;
  #lastAt = 0;
  readonly #spared = { draftedTokens: 0, acceptedTokens: 0, forcedTokens: 0 };

  constructor(prepared: Prepared) {
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
      promptTokens: this.#prepared.promptIds.length,
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
export async function collect(events: AsyncIterable<ChatEvent>): Promise<ChatResult> {
  let text = "";
  const tokens: ChatToken[] = [];
  for await (const event of events) {
    if (event.type === "text") {
      text += event.text;
      tokens.push(...event.tokens);
    } else {
      const { type: _, ...facts } = event;
      return { text, tokens, ...facts };
    }
  }
  throw new Error("internal: a chat stream ends with an end event");
}
