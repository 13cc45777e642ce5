/** Server-sent events as OpenAI's clients read them: `data:` lines of JSON, an error as the last one, `[DONE]` at the end. */
import { errorResponse } from "../protocol/index.js";
import type { RequestContext } from "./exchange.js";

/**
 * Waits for the first event, so that whatever is wrong with the request itself is answered with its status; then streams.
 * A client that leaves aborts the exchange.
 * @param done written at the end; Responses streams have no such line.
 */
export async function streamEvents(
  c: RequestContext,
  events: AsyncGenerator<SseEvent>,
  done = "data: [DONE]\n\n",
): Promise<Response> {
  const exchange = c.get("exchange");
  const first = await events.next();
  exchange.isStreaming = true;
  const utf8 = new TextEncoder();
  const write = (controller: ReadableStreamDefaultController<Uint8Array>, text: string) =>
    controller.enqueue(utf8.encode(text));
  let upcoming: Promise<IteratorResult<SseEvent>> | undefined = Promise.resolve(first);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const result = await (upcoming ?? events.next());
        upcoming = undefined;
        if (!result.done) return write(controller, lines(result.value));
        if (done !== "") write(controller, done);
        exchange.end(200);
      } catch (error) {
        const { status, body } = errorResponse(exchange.reasonFor(error));
        write(controller, lines({ data: body }));
        exchange.end(status, error);
      }
      controller.close();
    },
    async cancel(reason) {
      exchange.abort(reason);
      exchange.end(499);
      await events.return(undefined);
    },
  });
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  };
  return c.body(body, 200, headers);
}

export interface SseEvent {
  /** Named events are the Responses API's. */
  readonly event?: string;
  readonly data: unknown;
}

function lines({ event, data }: SseEvent): string {
  return `${event ? `event: ${event}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
}
