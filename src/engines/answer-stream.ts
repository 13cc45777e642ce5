/**
 * The events of one answer, from the bytes of its body. An answer ends with a reason, else it was cut; an error said in it, an
 * answer that turns into another one and text without end are errors of the engine.
 */
import { type OcellusError, shorten } from "../core/base/index.js";
import type { BodyReader } from "./body-reader.js";
import { type Chunk, chunkSchema, type EngineEvent, type EngineUsage, eventsOf, finishOf, usageOf } from "./chunk.js";
import { engineFailure, type FailureOptions, saidError } from "./failure.js";
import type { StageLimits } from "./http.js";
import { SseParser, SseProblem } from "./sse.js";

/** Twenty alternatives of a token take 2 KB; speculation gives some dozen tokens at once, and their bytes may be escaped. */
const maxEvent = 2 ** 20;
/** No context of today holds an answer of more than a million tokens. */
const maxAnswer = 2 ** 24;

interface StreamOptions {
  readonly engine: string;
  readonly limits: StageLimits;
}

/** @throws `unavailable`, `timeout`, `aborted`: `details.stage` and `details.fault` */
export async function* answerEvents(body: BodyReader, options: StreamOptions): AsyncGenerator<EngineEvent> {
  const stream = new AnswerStream(body, options);
  body.allow(options.limits.firstTokenMs);
  let isWhole = false;
  try {
    while (!stream.isDone) {
      const bytes = await body.next();
      if (bytes === undefined) stream.end();
      else yield* stream.push(bytes);
    }
    const last = stream.last();
    isWhole = true;
    body.finish();
    yield last;
  } finally {
    if (!isWhole) body.close();
  }
}

class AnswerStream {
  readonly #body: BodyReader;
  readonly #options: StreamOptions;
  readonly #parser = new SseParser(maxEvent);
  #id: string | undefined;
  #finish: Exclude<ReturnType<typeof finishOf>, null>;
  #usage: EngineUsage | undefined;
  #length = 0;
  isDone = false;

  constructor(body: BodyReader, options: StreamOptions) {
    this.#body = body;
    this.#options = options;
  }

  push(bytes: Uint8Array): EngineEvent[] {
    const events = this.#checked(() => this.#parser.push(bytes)).flatMap((data) => this.#take(data));
    if (events.length === 0) return events;
    this.#body.stage = "betweenTokens";
    this.#body.allow(this.#options.limits.betweenTokensMs);
    return events;
  }

  end(): void {
    this.#checked(() => this.#parser.end());
    this.isDone = true;
  }

  last(): EngineEvent {
    if (!this.#finish) throw this.#failure("ended its answer without saying why", { fault: "cut" });
    const { reason: finishReason, stopSequence } = this.#finish;
    const stopped = stopSequence === undefined ? {} : { stopSequence };
    return { type: "end", finishReason, ...stopped, ...(this.#usage && { usage: this.#usage }) };
  }

  #take(data: string): EngineEvent[] {
    if (this.isDone) return [];
    if (data === "[DONE]") {
      this.isDone = true;
      return [];
    }
    const chunk = this.#chunk(data);
    if (chunk.id) this.#checkId(chunk.id);
    const finish = finishOf(chunk);
    if (finish === null) throw this.#failure("broke its answer off", { fault: "engine" });
    this.#finish ??= finish;
    this.#usage = usageOf(chunk) ?? this.#usage;
    const events = eventsOf(chunk);
    for (const event of events) this.#length += lengthOf(event);
    if (this.#length > maxAnswer)
      throw this.#failure(`writes more than any answer is: over ${maxAnswer} characters`, {
        fault: "endless",
        details: { maxCharacters: maxAnswer },
      });
    return events;
  }

  #chunk(data: string): Chunk {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      throw this.#failure("sent an event that is not JSON", { fault: "malformed" });
    }
    const said = saidError(value);
    if (said)
      throw this.#failure("reported an error within its answer", { fault: "engine", details: { said: said.message } });
    const parsed = chunkSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") ?? "";
    throw this.#failure(`sent an event that is no chunk of an answer (${shorten(where)}: ${issue?.code})`, {
      fault: "malformed",
      details: { field: where },
    });
  }

  /** All chunks of an answer have its id: another one would be another client's. */
  #checkId(id: string): void {
    this.#id ??= id;
    if (this.#id !== id)
      throw this.#failure("sent a part of another answer", { fault: "malformed", details: { field: "id" } });
  }

  #checked<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof SseProblem)) throw error;
      throw this.#failure(`sent ${error.message}`, { fault: error.isEndless ? "endless" : "malformed" });
    }
  }

  #failure(problem: string, options: Pick<FailureOptions, "fault" | "details">): OcellusError {
    return engineFailure(problem, { engine: this.#options.engine, stage: this.#body.stage, ...options });
  }
}

function lengthOf(event: EngineEvent): number {
  if (event.type === "end") return 0;
  return event.type === "toolCall" ? event.arguments.length : event.text.length;
}
