/**
 * A model in a worker, as its page has it: the interface of a model of the page's own thread, which stays free. Where the worker's GPU is lost
 * what was being asked fails with that; the next question opens the model once more, from the files that are stored.
 */
import { Closing, type ErrorCode, OcellusError } from "../../base/index.js";
import type { ImageInput } from "../../image/loaded/index.js";
import type { AttentionMap } from "../../image/spec/index.js";
import type { ChatMessage, ContentPart } from "../../processor/portable.js";
import type { DownloadProgress, OpenPackedOptions } from "../../storage/web/index.js";
import { errorOf } from "../../worker/portable.js";
import {
  type ChatEvent,
  type ChatOptions,
  type ChatResult,
  collect,
  type LanguageModel,
  type LoadTimings,
  type ModelInfo,
  type ModelStats,
  type Prepared,
  type Trace,
  type TraceOptions,
} from "../portable.js";
import { Calls, type Port } from "./calls.js";
import type { ModelFiles } from "./open-source.js";
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

/** A GPU that is lost again and again is no place for a model. */
const mostReopenings = 1;

export class WebModel implements LanguageModel {
  readonly #opening: Opening;
  readonly #closing = new Closing("the model");
  #connection: Connection;
  /** The next one, once this one is lost. */
  #next: Promise<Connection> | undefined;
  #lost: OcellusError | undefined;
  #numReopened = 0;
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
    yield* this.#answer(await this.#calls(), "chat", [messages.map(sendable), asked], signal);
  }

  /** The whole answer at once. */
  answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult> {
    return collect(this.chat(messages, options));
  }

  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#prepare("prepare", messages.map(sendable), options);
  }

  async prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<Prepared> {
    return this.#prepare("prepareText", prompt, options);
  }

  async *generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
    this.#closing.check();
    const own = (prepared as OwnPrepared)[idOf];
    if (!own) throw new OcellusError("invalid_request", "a prompt is answered by the model that has prepared it");
    const { signal, ...asked } = prepared.options;
    yield* this.#answer(own.calls, "generate", [own.id, asked], signal);
  }

  async pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    return (await this.#ask("pixelBytes", messages.map(sendable), options)) as number;
  }

  async trace(messages: readonly ChatMessage[], options: TraceOptions = {}): Promise<Trace> {
    return (await this.#ask("trace", messages.map(sendable), options)) as Trace;
  }

  async attentionMap(image: ImageInput, options: Asking = {}): Promise<AttentionMap | undefined> {
    return (await this.#ask("attentionMap", absolute(image), options)) as AttentionMap | undefined;
  }

  async embedImage(image: ImageInput, options: Asking = {}): Promise<Float32Array> {
    return (await this.#ask("embedImage", absolute(image), options)) as Float32Array;
  }

  async pin(image: ImageInput, options: Asking = {}): Promise<() => void> {
    const id = await this.#ask("pin", absolute(image), options);
    const { calls } = this.#connection;
    return () => void calls.call("unpin", [id]).catch(() => {});
  }

  /** Ends the worker, and with it all that the model holds, on the GPU too. What is being answered fails with `closed`. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      const connection = (await this.#next?.catch(() => undefined)) ?? this.#connection;
      end(connection, this.#closing.error());
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #prepare(method: string, given: unknown, options: ChatOptions): Promise<Prepared> {
    const started = performance.now();
    const { signal, ...asked } = options;
    const calls = await this.#calls();
    const { id, options: read, ...facts } = (await calls.call(method, [given, asked], { signal })) as PagePrepared;
    const own = { id, calls };
    const prepared = { ...facts, started, options: { ...read, ...(signal && { signal }) }, [idOf]: own } as OwnPrepared;
    this.#prepared.register(prepared, own);
    return prepared;
  }

  async #ask(method: string, given: unknown, { signal, ...asked }: Asking): Promise<unknown> {
    return (await this.#calls()).call(method, [given, asked], { signal });
  }

  async *#answer(
    calls: Calls,
    method: string,
    args: readonly unknown[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatEvent> {
    for await (const event of calls.stream(method, args, signal)) {
      const { info, stats } = event as Partial<WorkerState>;
      if (info && stats) this.#state = { info, stats };
      else yield event as ChatEvent;
    }
  }

  async #calls(): Promise<Calls> {
    this.#closing.check();
    if (this.#lost) {
      this.#next ??= this.#reopen();
      this.#connection = await this.#next;
    }
    return this.#connection.calls;
  }

  async #reopen(): Promise<Connection> {
    if (++this.#numReopened > mostReopenings) throw this.#lost!;
    const connection = await connected(this.#opening);
    this.#lost = this.#next = undefined;
    this.#connection = connection;
    this.#watch(connection);
    return connection;
  }

  #watch(connection: Connection): void {
    const lose = (error: OcellusError) => {
      if (connection !== this.#connection || this.#closing.isClosed) return;
      this.#lost = error;
      end(connection, error);
    };
    connection.worker.addEventListener("message", ({ data }) => {
      const { lost } = data as { lost?: { code: ErrorCode; message: string; details: Record<string, unknown> } };
      if (lost) lose(errorOf(lost));
    });
    connection.worker.addEventListener("error", ({ message = "it ended" }) => lose(died(message)));
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

/** With addresses that mean the same in a worker, whose own address is another than the page's. */
function sendable(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const sent = (part: ContentPart | string): ContentPart | string => {
    if (typeof part !== "object" || part === null) return part;
    if (part.type === "image") return { ...part, image: absolute(part.image) };
    if (part.type !== "video" || !("frames" in part.video) || !Array.isArray(part.video.frames)) return part;
    return { ...part, video: { ...part.video, frames: part.video.frames.map(absolute) } };
  };
  return { ...message, content: content.map(sent) };
}

function absolute(image: ImageInput): ImageInput {
  if (image instanceof URL) return image.href;
  const { location } = globalThis as unknown as { readonly location: { readonly href: string } };
  return typeof image === "string" ? new URL(image, location.href).href : image;
}
