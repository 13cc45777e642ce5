/**
 * A model in a worker, as its page has it: the interface of a model of the page's own thread, which stays free. Where the worker's GPU is lost,
 * or the worker itself, what was being asked fails with that; the next question opens the model again, from the files that are stored.
 */
import {
  Closing,
  type ErrorCode,
  mostReopenings,
  OcellusError,
  Reopenings,
  reopeningMinutes,
  untilAborted,
} from "../../base/index.js";
import type { ImageInput } from "../../image/loaded/index.js";
import type { AttentionMap } from "../../image/spec/index.js";
import type { ChatMessage } from "../../processor/portable.js";
import type { DownloadProgress, OpenPackedOptions } from "../../storage/web/index.js";
import { errorOf } from "../../worker/portable.js";
import {
  type AnswerAttention,
  type AttentionOptions,
  type ChatEvent,
  type ChatOptions,
  type ChatResult,
  collect,
  type LanguageModel,
  type LoadTimings,
  type ModelInfo,
  type ModelStats,
  type Prepared,
  type TokenSpelling,
  type Trace,
  type TraceOptions,
} from "../portable.js";
import { Calls, type Port } from "./calls.js";
import type { ModelFiles } from "./open-source.js";
import { absolute, sendable } from "./sendable.js";
import type { WebModelOptions } from "./web-options.js";

/** The model that a worker opens, and how. */
export interface PageModel {
  readonly files: ModelFiles;
  readonly options: Pick<OpenPackedOptions, "sha256" | "headers"> & { readonly model: WebModelOptions };
}

export interface WorkerState {
  readonly info: ModelInfo;
  readonly stats: ModelStats;
}

/** An event of an answer; what the model is then, where it is the last one. */
export interface ToldEvent {
  readonly event: ChatEvent;
  readonly state?: WorkerState;
}

export interface OpenedFacts extends WorkerState {
  readonly timings: LoadTimings;
  readonly vectorVersion: string;
}

export type PagePrepared = Pick<Prepared, "promptTokens" | "images" | "visionMs" | "options"> & {
  readonly id: number;
  readonly notes: Prepared["notes"];
  readonly reasoning: Prepared["reasoning"];
};

/** A worker as pages have it. */
export interface ModelWorker extends Port {
  terminate(): void;
  addEventListener(
    type: "message" | "error" | "messageerror",
    listener: (event: { readonly data: unknown; readonly message?: string }) => void,
  ): void;
}

interface Connection {
  readonly worker: ModelWorker;
  readonly calls: Calls;
  readonly facts: OpenedFacts;
}

export interface Opening {
  readonly newWorker: () => ModelWorker;
  readonly model: PageModel;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: DownloadProgress) => void) | undefined;
}

const idOf = Symbol("prepared in the worker");
type OwnPrepared = Prepared & { readonly [idOf]: { readonly id: number; readonly calls: Calls } };
type Asking = Pick<ChatOptions, "signal">;

export class WebModel implements LanguageModel {
  readonly #opening: Opening;
  readonly #closing = new Closing("the model");
  readonly #reopenings = new Reopenings();
  readonly #closed = new AbortController();
  #connection: Connection;
  #lost: OcellusError | undefined;
  #reopening: Promise<void> | undefined;
  #state: WorkerState;
  /** Prompts that the page holds no longer need not be held in the worker. */
  readonly #prepared = new FinalizationRegistry<{ id: number; calls: Calls }>(({ id, calls }) => {
    calls.call("forget", [id]).catch(() => {}); // its worker may be gone, with all that it held
  });

  private constructor(opening: Opening, connection: Connection) {
    this.#opening = opening;
    this.#connection = connection;
    this.#state = connection.facts;
    this.#watch(connection);
  }

  static async open(opening: Opening): Promise<WebModel> {
    return new WebModel(opening, await connected(opening));
  }

  /** As of the last answer. */
  get info(): ModelInfo {
    return this.#state.info;
  }

  /** As of the last answer. */
  get stats(): ModelStats {
    return this.#state.stats;
  }

  get timings(): LoadTimings {
    return this.#connection.facts.timings;
  }

  get vectorVersion(): string {
    return this.#connection.facts.vectorVersion;
  }

  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    const { signal, ...asked } = options;
    yield* this.#answer(await this.#calls(signal), "chat", [sendable(messages), asked], signal);
  }

  /** The whole answer at once. */
  answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult> {
    return collect(this.chat(messages, options));
  }

  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#prepare("prepare", sendable(messages), options);
  }

  async prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#prepare("prepareText", prompt, options);
  }

  async *generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
    const own = (prepared as OwnPrepared)[idOf];
    if (!own) throw new OcellusError("invalid_request", "a prompt is answered by the model that has prepared it");
    const { signal, ...asked } = prepared.options;
    const calls = await this.#calls(signal);
    if (own.calls !== calls) throw preparedElsewhere();
    yield* this.#answer(calls, "generate", [own.id, asked], signal);
  }

  async pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    return (await this.#ask("pixelBytes", [sendable(messages)], options)) as number;
  }

  async trace(messages: readonly ChatMessage[], options: TraceOptions = {}): Promise<Trace> {
    return (await this.#ask("trace", [sendable(messages)], options)) as Trace;
  }

  async answerAttention(
    messages: readonly ChatMessage[],
    answer: string,
    options: AttentionOptions = {},
  ): Promise<AnswerAttention> {
    return (await this.#ask("answerAttention", [sendable(messages), answer], options)) as AnswerAttention;
  }

  async attentionMap(image: ImageInput, options: Asking = {}): Promise<AttentionMap | undefined> {
    return (await this.#ask("attentionMap", [absolute(image)], options)) as AttentionMap | undefined;
  }

  /** Of ids that its events name: the tokenizer is in the worker. */
  async spellings(ids: readonly number[], options: Asking = {}): Promise<TokenSpelling[]> {
    return (await this.#ask("spellings", [ids], options)) as TokenSpelling[];
  }

  async embedImage(image: ImageInput, options: Asking = {}): Promise<Float32Array> {
    return (await this.#ask("embedImage", [absolute(image)], options)) as Float32Array;
  }

  async pin(image: ImageInput, options: Asking = {}): Promise<() => void> {
    const calls = await this.#calls(options.signal);
    const id = await calls.call("pin", [absolute(image)], options);
    return () => void calls.call("unpin", [id]).catch(() => {});
  }

  /** Ends the worker, and with it all that the model holds, on the GPU too. What is being answered fails with `closed`. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      this.#closed.abort();
      await this.#reopening?.catch(() => {});
      end(this.#connection, this.#closing.error());
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #prepare(method: string, given: unknown, options: ChatOptions): Promise<Prepared> {
    const started = performance.now();
    const { signal, ...asked } = options;
    const calls = await this.#calls(signal);
    const { id, options: read, ...facts } = (await calls.call(method, [given, asked], { signal })) as PagePrepared;
    const own = { id, calls };
    const prepared = { ...facts, started, options: { ...read, ...(signal && { signal }) }, [idOf]: own } as OwnPrepared;
    this.#prepared.register(own, { id, calls }); // a copy of it, with another seed, holds the same
    return prepared;
  }

  async #ask(method: string, args: readonly unknown[], { signal, ...asked }: Asking): Promise<unknown> {
    return (await this.#calls(signal)).call(method, [...args, asked], { signal });
  }

  async *#answer(
    calls: Calls,
    method: string,
    args: readonly unknown[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatEvent> {
    for await (const { event, state } of calls.stream(method, args, signal) as AsyncGenerator<ToldEvent>) {
      if (state) this.#state = state;
      yield event;
    }
  }

  async #calls(signal: AbortSignal | undefined): Promise<Calls> {
    this.#closing.check();
    if (this.#lost) {
      this.#reopening ??= this.#reopen().finally(() => {
        this.#reopening = undefined;
      });
      await untilAborted(this.#reopening, signal);
    }
    return this.#connection.calls;
  }

  async #reopen(): Promise<void> {
    if (!this.#reopenings.take()) throw lostTooOften(this.#lost!);
    try {
      this.#connection = await connected({ ...this.#opening, signal: this.#closed.signal });
    } catch (error) {
      this.#closing.check();
      throw error;
    }
    this.#lost = undefined;
    this.#watch(this.#connection);
  }

  #watch(connection: Connection): void {
    const lose = (error: OcellusError) => {
      if (connection !== this.#connection || this.#closing.isClosed) return;
      const { code, message, details } = error;
      this.#lost = new OcellusError(code, `${message}; ask again, and the model is opened again`, { details });
      end(connection, this.#lost);
    };
    connection.worker.addEventListener("message", ({ data }) => {
      const { lost } = data as { lost?: { code: ErrorCode; message: string; details: Record<string, unknown> } };
      if (lost) lose(errorOf(lost));
    });
    connection.worker.addEventListener("error", ({ message = "it ended" }) => lose(died(message)));
    connection.worker.addEventListener("messageerror", () => lose(died("what it sent cannot be read")));
  }
}

function end({ worker, calls }: Pick<Connection, "worker" | "calls">, error: OcellusError): void {
  calls.end(error);
  worker.terminate();
}

/** @throws as the model's opening, `unavailable` where the worker does not start, `aborted`. */
async function connected({ newWorker, model, signal, onProgress }: Opening): Promise<Connection> {
  const worker = newWorker();
  const calls = new Calls(worker);
  worker.addEventListener("error", ({ message = "its script was not found" }) => calls.end(died(message)));
  try {
    const onEvent = (event: unknown) => onProgress?.((event as { readonly progress: DownloadProgress }).progress);
    const facts = (await calls.call("open", [model], { signal, onEvent })) as OpenedFacts;
    return { worker, calls, facts };
  } catch (error) {
    end({ worker, calls }, died("it was not opened"));
    throw error;
  }
}

function died(reason: string): OcellusError {
  return new OcellusError("unavailable", `the model's worker does not run: ${reason}`, { details: { reason } });
}

function lostTooOften({ message, details }: OcellusError): OcellusError {
  const often = `it was opened again ${mostReopenings} times within ${reopeningMinutes} minutes`;
  return new OcellusError("unavailable", `${message}; ${often}: open it with device: "cpu"`, {
    details: { ...details, mostReopenings, reopeningMinutes },
  });
}

function preparedElsewhere(): OcellusError {
  return new OcellusError(
    "closed",
    "this prompt was prepared by another model, or before this one was lost and opened again; prepare it again",
  );
}
