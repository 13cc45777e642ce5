/**
 * The interface of a model that answers, and of what may stand before one. A model of this process is one (`loadModel`), so is one
 * behind guardrails, and so can an engine elsewhere be: those who ask know this file and nothing below it.
 */
import type { Device } from "../backend/portable.js";
import type { EncoderCacheStats } from "../cache/portable.js";
import type { EngineStats } from "../engine/index.js";
import type { ImageInput } from "../image/loaded/index.js";
import type { SampledVideo, VideoFile } from "../image/node/index.js";
import type { AttentionMap, PixelBudget, PlaceUnit, RgbImage } from "../image/spec/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { ChatMessage } from "../processor/portable.js";
import type { Tokenizer } from "../tokenizer/index.js";
import type { AnswerAttention, AttentionOptions } from "./answer-attention.js";
import type { ImageResize } from "./boxes.js";
import type { ChatEvent, ChatOptions, ChatResult, Prepared } from "./chat.js";
import type { TrainedForm } from "./familiarity.js";
import type { Thinking } from "./reasoning.js";
import { collect } from "./stream-chat.js";
import type { Trace, TraceOptions } from "./trace.js";

/** Name, format and limits, as a user would want to see them. */
export interface ModelInfo extends Partial<LocalFacts> {
  /** Absent: it is a model of this process. */
  readonly engine?: RemoteEngine;
  /** The checkpoint's; of an engine elsewhere its kind, which need not say what it runs. */
  readonly modelType: string;
  /** Of the checkpoint; of an engine elsewhere, of what it reports of itself. */
  readonly digest: string;
  /** Context limit in tokens. */
  readonly maxLength: number;
  /** Answers that can run at once. */
  readonly maxSequences: number;
  readonly readsImages: boolean;
  /** Whether video files and frames can be in its messages. Absent: they cannot. */
  readonly readsVideos?: boolean;
  /** Most images that one question was trained with; absent: the checkpoint does not say. */
  readonly imagesPerQuestion?: number;
  /** What beyond plain answers it was trained for; absent: the checkpoint does not say. */
  readonly trainedFor?: readonly TrainedForm[];
  /** Whether the chat template knows what to do with descriptions of tools. */
  readonly readsTools: boolean;
  /** Whether several tokens of an answer may be settled in one step; false from then on where that is found to change logits. */
  readonly speculates?: boolean;
  /** Whether it thinks before it answers: as a request says, or always. Absent: it does not. */
  readonly thinking?: Thinking;
  /** What the boxes are counted in that its family has a published way to write. Absent: it has none. */
  readonly places?: PlaceUnit;
  /** Where these are scaled pixels: how images are scaled unless a request has bounds of its own. */
  readonly resize?: ImageResize;
  /** What a user should know about the checkpoint and how it runs, in sentences; the first prompt can add one. */
  readonly notes: readonly string[];
}

/** What only a model of this process has. */
export interface LocalFacts {
  readonly path: string;
  readonly weights: PackedModel["manifest"]["weights"];
  readonly blockSize: number;
  readonly device: Device;
}

/** An engine elsewhere that answers. */
export interface RemoteEngine {
  readonly kind: string;
  readonly url: string;
  /** As it names the model. */
  readonly model: string;
}

export interface LoadTimings {
  /** Packing, or finding it packed. */
  readonly packMs: number;
  /** Graphs and tokenizer. */
  readonly openMs: number;
  readonly packed: boolean;
}

/** Of an engine elsewhere: what this process has sent to it and not received yet. */
export type ModelStats = Pick<EngineStats, "waiting" | "running" | "slots"> &
  Partial<LocalStats> & { readonly imageTraffic?: Readonly<ImageTraffic> };

/** Images on their way to an engine elsewhere, since the model was opened. */
export interface ImageTraffic {
  /** With their pixels, and the characters of these. */
  imagesSent: number;
  imageBytesSent: number;
  /** By their name alone, and what their pixels would have been. */
  imagesNamed: number;
  imageBytesSaved: number;
  /** Requests that were sent again, since the engine had forgotten an image. */
  imagesForgotten: number;
}

export interface LocalStats extends EngineStats {
  /** Keys and values of running answers. */
  readonly cacheBytes: number;
  /** Their tokens, as a share of what fits: 0 to 1. */
  readonly cacheUsage: number;
  /** Keys and values of cached prefixes, kept for later ones. */
  readonly prefixCacheBytes: number;
  readonly encoderCacheBytes: number;
  /** What pictures look like, kept for `reuse: "near"`. */
  readonly nearDuplicateBytes: number;
  readonly features: EncoderCacheStats;
}

type Asking = Pick<ChatOptions, "signal">;

export interface LanguageModel extends Possible<Capabilities> {
  readonly info: ModelInfo;
  readonly stats: ModelStats;
  /** Bytes of pixel values that `prepare` would hold, by the images' headers. @throws as `prepare`, of what needs no pixels. */
  pixelBytes(messages: readonly ChatMessage[], options?: ChatOptions): Promise<number>;
  /** Everything up to the first token, checked, read and encoded. */
  prepare(messages: readonly ChatMessage[], options?: ChatOptions): Promise<Prepared>;
  /** The same of a text without turns or images, or of its ids. */
  prepareText(prompt: string | readonly number[], options?: ChatOptions): Promise<Prepared>;
  /** The answer. Several may be asked of one `Prepared`, with other seeds too: nothing is built again. */
  generate(prepared: Prepared): AsyncGenerator<ChatEvent>;
  close(): Promise<void>;
}

type Possible<T> = { [Name in keyof T]?: T[Name] | undefined };

/** What not every model does. */
export interface Capabilities {
  /** Spells the ids of tokens. An engine elsewhere spells its tokens itself. */
  readonly tokenizer: Tokenizer;
  readonly timings: LoadTimings;
  /** What of an image the model is shown. */
  modelView(image: RgbImage, budget?: PixelBudget): RgbImage;
  /** Where the vision encoder's learned queries look in an image; undefined where it has none. */
  attentionMap(image: ImageInput, options?: Asking): Promise<AttentionMap | undefined>;
  /** What of a video file the model is shown. Absent: it is shown none. */
  sampleVideo(video: VideoFile, options?: Asking): Promise<SampledVideo>;
  /** Names what makes this model's vectors of images: equal versions give comparable ones. */
  readonly vectorVersion: string;
  embedImage(image: ImageInput, options?: Asking): Promise<Float32Array>;
  /** Encodes an image and keeps that until the returned function is called. */
  pin(image: ImageInput, options?: Asking): Promise<() => void>;
  trace(messages: readonly ChatMessage[], options?: TraceOptions): Promise<Trace>;
  /** Where it looks as it writes each token of this answer. */
  answerAttention(
    messages: readonly ChatMessage[],
    answer: string,
    options?: AttentionOptions,
  ): Promise<AnswerAttention>;
}

/** All by which something comes into a model or out of it. */
interface Calls extends Pick<Capabilities, "embedImage" | "pin" | "trace" | "answerAttention"> {
  prepare: LanguageModel["prepare"];
  prepareText: LanguageModel["prepareText"];
  generate: LanguageModel["generate"];
}
type Call<Name extends keyof Calls> = (...given: Parameters<Calls[Name]>) => ReturnType<Calls[Name]>;
type Step<Name extends keyof Calls> = (next: Call<Name>, ...given: Parameters<Calls[Name]>) => ReturnType<Calls[Name]>;

/**
 * Stands before a model: each call is given the `next` one, which it may change, answer itself, or refuse. What it does not name
 * passes by it; `Required<Middleware>` is one that nothing passes by, and that new calls are added to by the compiler's demand.
 */
export type Middleware = {
  readonly [Name in keyof Calls]?: Step<Name>;
};

/** The model behind middlewares; the first is the outermost. */
export function withMiddleware(model: LanguageModel, ...middlewares: readonly Middleware[]): MiddlewareModel {
  return new MiddlewareModel(model, middlewares);
}

export class MiddlewareModel implements LanguageModel {
  readonly #model: LanguageModel;
  readonly #middlewares: readonly Middleware[];

  constructor(model: LanguageModel, middlewares: readonly Middleware[]) {
    this.#model = model;
    this.#middlewares = middlewares;
  }

  get info(): ModelInfo {
    return this.#model.info;
  }

  get stats(): ModelStats {
    return this.#model.stats;
  }

  get tokenizer(): Tokenizer | undefined {
    return this.#model.tokenizer;
  }

  pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    return this.#model.pixelBytes(messages, options);
  }

  prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#call("prepare")!(messages, options);
  }

  prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#call("prepareText")!(prompt, options);
  }

  generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
    return this.#call("generate")!(prepared);
  }

  /** `prepare` and `generate` in one. */
  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    yield* this.generate(await this.prepare(messages, options));
  }

  /** The whole answer at once. */
  async answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult> {
    return collect(this.chat(messages, options));
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get timings(): LoadTimings | undefined {
    return this.#model.timings;
  }

  get modelView(): LanguageModel["modelView"] {
    return this.#model.modelView?.bind(this.#model);
  }

  get attentionMap(): LanguageModel["attentionMap"] {
    return this.#model.attentionMap?.bind(this.#model);
  }

  get sampleVideo(): LanguageModel["sampleVideo"] {
    return this.#model.sampleVideo?.bind(this.#model);
  }

  get vectorVersion(): string | undefined {
    return this.#model.vectorVersion;
  }

  get embedImage(): LanguageModel["embedImage"] {
    return this.#call("embedImage");
  }

  get pin(): LanguageModel["pin"] {
    return this.#call("pin");
  }

  get trace(): LanguageModel["trace"] {
    return this.#call("trace");
  }

  get answerAttention(): LanguageModel["answerAttention"] {
    return this.#call("answerAttention");
  }

  /** Through all middlewares; undefined where the model does no such thing. */
  #call<Name extends keyof Calls>(name: Name): Call<Name> | undefined {
    const call = this.#model[name] as Call<Name> | undefined;
    if (!call) return undefined;
    return this.#middlewares.reduceRight<Call<Name>>((next, middleware) => {
      const step = middleware[name] as Step<Name> | undefined;
      return step ? (...given) => step.call(middleware, next, ...given) : next;
    }, call.bind(this.#model));
  }
}
