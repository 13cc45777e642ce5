/**
 * What is heard of a request on its way. Metrics, the log and the versions of a registry follow requests by these events; the routes
 * know none of them. Here stand the events, what a request tells of itself, and the log, which is one follower.
 */
import type { Logger } from "pino";
import type { ChatEvent, ChatImage, ChatOptions } from "../core/runtime/index.js";
import type { Citation } from "../retrieval/index.js";
import type { Assignment, Caller } from "./model-provider.js";
import type { AskedPrompt } from "./prompt.js";
import type { ServedModel } from "./served.js";

/** For the log and the metrics; never text, never images. */
export interface RequestStats {
  model?: string;
  promptTokens?: number;
  completionTokens?: number;
  images?: number;
  cachedImages?: number;
  /** Of these, those that another picture answers for. */
  nearImages?: number;
  /** The pictures themselves, for the header; their digests are not in the log. */
  seen?: readonly ChatImage[];
  /** Of the prompts' tokens, those that were not read again. */
  cachedTokens?: number;
  draftedTokens?: number;
  acceptedTokens?: number;
  forcedTokens?: number;
  queueMs?: number;
  firstTokenMs?: number;
  tokensPerSecond?: number;
  finishReason?: string;
}

/** A request as its followers see it. */
export interface FollowedRequest {
  readonly id: string;
  readonly log: Logger;
  /** By `performance.now()`. */
  readonly started: number;
  readonly signal: AbortSignal;
  readonly caller: Caller;
  readonly stats: Readonly<RequestStats>;
  readonly assignment: Assignment | undefined;
}

/** One prompt, and the model that answers it: with one choice or several. */
export interface GenerationRequest {
  readonly served: ServedModel;
  readonly prompt: AskedPrompt;
  readonly options: ChatOptions;
  readonly numChoices: number;
  /** Pages that it is answered from. */
  readonly citations?: readonly Citation[] | undefined;
}

/** One event of one choice. */
export interface ChoiceEvent {
  readonly index: number;
  readonly event: ChatEvent;
}

export interface RequestEnd {
  /** That the client saw, or would have seen. */
  readonly status: number;
  readonly error?: unknown;
  readonly method: string;
  readonly path: string;
  /** The pattern that the path was matched by. */
  readonly route: string;
}

export interface RequestListener {
  /** Before a prompt is read. @returns its options, where they are to be others */
  generation?(request: FollowedRequest, generation: GenerationRequest): ChatOptions | undefined;
  event?(request: FollowedRequest, generation: GenerationRequest, event: ChoiceEvent): void;
  /** Once, when the last byte is written or the client has left. */
  end?(request: FollowedRequest, end: RequestEnd): void;
}

/** Several as one. What one of them fails at is the log's: no request fails by it, and the others still hear. */
export class RequestListeners implements Required<RequestListener> {
  readonly #listeners: RequestListener[];

  constructor(...listeners: RequestListener[]) {
    this.#listeners = listeners;
  }

  add(listener: RequestListener): void {
    this.#listeners.push(listener);
  }

  generation(request: FollowedRequest, generation: GenerationRequest): ChatOptions {
    let { options } = generation;
    this.#each(request, (listener) => {
      options = listener.generation?.(request, { ...generation, options }) ?? options;
    });
    return options;
  }

  event(request: FollowedRequest, generation: GenerationRequest, event: ChoiceEvent): void {
    this.#each(request, (listener) => listener.event?.(request, generation, event));
  }

  end(request: FollowedRequest, end: RequestEnd): void {
    this.#each(request, (listener) => listener.end?.(request, end));
  }

  #each(request: FollowedRequest, tell: (listener: RequestListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        tell(listener);
      } catch (error) {
        request.log.error({ err: error }, "a request was not followed");
      }
    }
  }
}

/** One line a request. */
export const requestLog: RequestListener = {
  end({ log, started, stats: { seen: _, ...stats } }, { status, error, method, path }) {
    const line = { method, path, status, ms: Math.round(performance.now() - started), ...stats };
    if (path.startsWith("/health"))
      log.debug(line, "answered"); // 503 is an answer here
    else if (status >= 500) log.error({ ...line, err: error }, "failed");
    else log.info(line, status < 400 ? "answered" : "refused");
  },
};
