/** A question: its options, what it is once read, and the events and the result of its answer. */
import { optionNames } from "../base/index.js";
import type { FeatureSource } from "../cache/portable.js";
import type { Constraint, FinishReason, SamplingOptions } from "../engine/index.js";
import type { Fields, ResponseFormat, ToolConstraint } from "../grammar/index.js";
import type { PixelBudget } from "../image/spec/index.js";
import type { FoundPlace, PlacesReader } from "./boxes.js";
import type { ChatNote, Familiarity } from "./familiarity.js";
import type { Reuse } from "./memory.js";
import type { ReasoningEffort, ReasoningStart } from "./reasoning.js";
import type { SequenceInputs } from "./sequence-inputs.js";
import type { ZoomedField, ZoomOptions } from "./zoomed-field.js";

/** The pixel budget is that of each picture, for families that take pictures of any size. */
export interface ChatOptions extends PixelBudget {
  /** Most tokens of the answer, thoughts included. Default 512, and 4096 more where the model may think. */
  readonly maxTokens?: number;
  /** Default: what the checkpoint's generation_config.json says, else greedy. */
  readonly sampling?: SamplingOptions;
  /** Text that ends the answer; it is not part of it. Thoughts may hold it. */
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
   * Whether fields of a JSON answer that the model is not sure of are asked for again of the part of the image where they stand.
   * The first question is at low detail; the answer comes whole, when the last one is answered. Default false.
   */
  readonly zoom?: boolean | ZoomOptions;
  /**
   * Whether the model thinks before it answers, where its chat template knows `enable_thinking`. Default: not where the prompt
   * holds an image or a video, else as the template does.
   */
  readonly enableThinking?: boolean;
  /**
   * How much it thinks: "none" turns thinking off and any other on, and the chat template is given the word, where it has the
   * variable. Without effect on a model that does not think.
   */
  readonly reasoningEffort?: ReasoningEffort;
  /** Most tokens of its thoughts: there they are closed, and it answers. Default: as many as it wants. */
  readonly thinkingBudget?: number;
  /** Further variables of the chat template, which must name them: `reasoning_effort`, where a model has one. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Whether the answer continues the last message, an assistant's, instead of being a turn of its own. Default false. */
  readonly continueFinalMessage?: boolean;
  /** Whether the prompt ends with the opening of the answer's turn. Default: unless the answer continues a message. */
  readonly addGenerationPrompt?: boolean;
  /** Keeps tool calls valid; the prompt must have told the model of the tools. */
  readonly toolConstraint?: ToolConstraint;
  readonly signal?: AbortSignal;
}

export const chatOptionNames = optionNames<ChatOptions>({
  ...{ minPixels: true, maxPixels: true, imageTokens: true, detail: true, maxTokens: true, sampling: true },
  ...{ stop: true, stopTokenIds: true },
  ...{ reuse: true, tools: true, responseFormat: true, fields: true, boxes: true, citeFields: true, signal: true },
  ...{ enableThinking: true, toolConstraint: true, reasoningEffort: true, thinkingBudget: true },
  ...{ templateVariables: true, continueFinalMessage: true, addGenerationPrompt: true, zoom: true },
});

/** As the engine's; content_filter: a guard has ended the answer. */
export type AnswerReason = FinishReason | "content_filter";

export interface ChatUsage {
  readonly promptTokens: number;
  /** Of the prompt's tokens, those that were not read again: an earlier prompt had begun with them. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Of these, those of its thoughts. Absent: the prompt lets the model think none. */
  readonly reasoningTokens?: number;
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
   * picture answers for it; "engine": an engine elsewhere had it, and was sent its name alone.
   */
  readonly source: FeatureSource | "prefix" | "near" | "engine";
  /** The picture that answers, and how alike the two are at a glance (cosine). */
  readonly near?: { readonly digest: string; readonly similarity: number };
  /** Whether the picture was known from an earlier question: any source but "encoded". */
  readonly known: boolean;
  /** Absent: an engine elsewhere does not say. */
  readonly numTokens?: number;
  /** Pixels of the file, upright. Absent of a video's frames, and where its header does not say. */
  readonly sent?: { readonly width: number; readonly height: number };
  /** Pixels that the model was shown, of all tiles, slices or quarters together. Absent of a video's frames. */
  readonly shown?: { readonly width: number; readonly height: number };
  /** Absent: the checkpoint does not say what it was trained on, or the image was read too long ago. */
  readonly familiarity?: Familiarity;
}

/** As a model of this process has read it. */
export type LocalImage = ChatImage & { readonly numTokens: number };

/**
 * A request: a prompt that is read and whose images are encoded, and how it is to be answered. Another choice of it is the same
 * with another seed in `options`; whatever else is changed there was checked as it was.
 */
export interface Prepared {
  /** Absent: an engine elsewhere counts them, and says so at the end of the answer. */
  readonly promptTokens?: number;
  readonly images: readonly ChatImage[];
  /** As they were asked, with the checkpoint's own defaults for what they leave out. */
  readonly options: ChatOptions;
  /** `performance.now()` when its reading began. */
  readonly started: number;
  readonly visionMs: number;
  /** What of it the model was not trained for; absent: nothing that is known. */
  readonly notes?: readonly ChatNote[];
  /** Whether the answer may begin with thoughts, and whether the prompt has opened them. Absent: there are none. */
  readonly reasoning?: ReasoningStart;
}

/** As a model of this process makes it: with the encoded images at their places. */
export interface PreparedChat extends Prepared {
  readonly promptTokens: number;
  readonly promptIds: Int32Array;
  readonly images: readonly LocalImage[];
  readonly inputs: SequenceInputs;
  /** Of one answer; absent: answers are free. */
  readonly newConstraint?: (() => Constraint) | undefined;
  /** Where its boxes are read. */
  readonly places?: PlacesReader | undefined;
}

/** A token by its id, which the model's tokenizer spells; or as an engine elsewhere has spelled it. */
export type NamedToken =
  | { readonly tokenId: number; readonly spelling?: undefined }
  | { readonly spelling: TokenSpelling; readonly tokenId?: undefined };

export interface TokenSpelling {
  readonly text: string;
  /** UTF-8; a token can be a part of a character. Absent: not known. */
  readonly bytes?: readonly number[] | undefined;
}

export type ChatToken = NamedToken & {
  readonly logprob?: number;
  readonly topLogprobs?: readonly (NamedToken & { readonly logprob: number })[];
};

/** Of a model of this process: its own ids. */
export type LocalToken = ChatToken & { readonly tokenId: number };

/**
 * Each generated token is in exactly one event, with the text that it completes; one that has none comes with the next, or last.
 * Thoughts come before the answer and are no part of it.
 */
export type ChatEvent<Token extends ChatToken = ChatToken> =
  | { readonly type: "reasoning"; readonly text: string; readonly tokens: readonly Token[] }
  | { readonly type: "text"; readonly text: string; readonly tokens: readonly Token[] }
  | {
      readonly type: "end";
      readonly finishReason: AnswerReason;
      /** The stop string that ended the answer, where one did. */
      readonly stopSequence?: string;
      readonly usage: ChatUsage;
      readonly timings: ChatTimings;
      readonly images: readonly ChatImage[];
      /** Where they were asked for. */
      readonly fields?: Fields;
      readonly boxes?: readonly FoundPlace[];
      readonly zoomed?: readonly ZoomedField[];
      /** Those of the request. */
      readonly notes?: readonly ChatNote[];
    };

export interface ChatResult<Token extends ChatToken = ChatToken> {
  readonly text: string;
  /** What the model thought before it answered. Absent: nothing. */
  readonly reasoning?: string;
  /** Of the text. */
  readonly tokens: readonly Token[];
  readonly finishReason: AnswerReason;
  readonly usage: ChatUsage;
  readonly timings: ChatTimings;
  readonly images: readonly ChatImage[];
  readonly fields?: Fields;
  readonly boxes?: readonly FoundPlace[];
  readonly zoomed?: readonly ZoomedField[];
  readonly notes?: readonly ChatNote[];
}
