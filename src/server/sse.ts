/** Server-sent events as OpenAI's clients read them: `data:` lines of JSON, an error as the last one, `[DONE]` at the end. */
import { aborted, stringifyJson } from "../core/base/index.js";
import { errorResponse } from "../protocol/index.js";
import type { HonoContext, RequestContext } from "./request-context.js";

/**
 * Waits for the first event, so that whatever is wrong with the request itself is answered with its status; then streams.
 * A client that leaves aborts the request.
 * @param done written at the end; Responses streams have no such line.
 */
export async function streamEvents(
  c: HonoContext,
  events: AsyncGenerator<SseEvent>,
  done = "data: [DONE]\n\n",
): Promise<Response> {
  const context = c.get("context");
  const first = await events.next();
  context.isStreaming = true;
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  };
  return c.body(new ReadableStream<Uint8Array>(new EventBytes(events, first, context, done)), 200, headers);
}

/** The events as bytes, each made when the client has taken the one before. */
class EventBytes {
  readonly #events: AsyncGenerator<SseEvent>;
  readonly #context: RequestContext;
  readonly #done: string;
  readonly #utf8 = new TextEncoder();
  #upcoming: Promise<IteratorResult<SseEvent>> | undefined;
  #isWaiting = false;
  #hasEnded = false;
  #onAbort = () => {};

  constructor(
    events: AsyncGenerator<SseEvent>,
    first: IteratorResult<SseEvent>,
    context: RequestContext,
    done: string,
  ) {
    this.#events = events;
    this.#upcoming = Promise.resolve(first);
    this.#context = context;
    this.#done = done;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { signal } = this.#context;
    // Who has stopped reading pulls no more: the end must come to its request, or it would hold its place forever.
    this.#onAbort = () => {
      if (this.#isWaiting) return; // the work itself fails, and `pull` says why
      this.#fail(controller, aborted(signal));
      void this.#events.return(undefined);
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#context.onOverdue((reason) => this.#fail(controller, reason));
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { signal } = this.#context;
    try {
      this.#isWaiting = true;
      const result = await (this.#upcoming ?? this.#events.next());
      this.#upcoming = undefined;
      if (this.#hasEnded) return;
      if (result.done) return this.#end(controller, this.#done, 200);
      if (signal.aborted) throw aborted(signal);
      controller.enqueue(this.#utf8.encode(lines(result.value)));
    } catch (error) {
      this.#fail(controller, error);
      await this.#events.return(undefined);
    } finally {
      this.#isWaiting = false;
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#finish(499);
    this.#context.abort(reason);
    await this.#events.return(undefined);
  }

  #fail(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    const { status, body } = errorResponse(this.#context.reasonFor(error));
    const data = this.#context.errorBody(status, body);
    const event = "type" in data ? { event: "error" } : {}; // Anthropic's events have names
    this.#end(controller, lines({ ...event, data }), status, error);
  }

  #end(controller: ReadableStreamDefaultController<Uint8Array>, last: string, status: number, error?: unknown): void {
    if (this.#hasEnded) return;
    if (last !== "") controller.enqueue(this.#utf8.encode(last));
    controller.close();
    this.#finish(status, error);
  }

  #finish(status: number, error?: unknown): void {
    this.#hasEnded = true;
    this.#context.signal.removeEventListener("abort", this.#onAbort);
    this.#context.end(status, error);
  }
}

export interface SseEvent {
  /** Named events are the Responses API's. */
  readonly event?: string;
  readonly data: unknown;
}

function lines({ event, data }: SseEvent): string {
  return `${event ? `event: ${event}\n` : ""}data: ${stringifyJson(data)}\n\n`;
}
