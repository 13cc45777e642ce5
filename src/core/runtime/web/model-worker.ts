/** The script of a model's worker: opens one model and answers the page's calls (web-model.ts). The page ends it, or ends itself. */
import "./no-eval.js";
import { invariant, OcellusError } from "../../base/index.js";
import type { ImageInput } from "../../image/loaded/index.js";
import type { ChatMessage } from "../../processor/portable.js";
import type { DownloadProgress } from "../../storage/web/index.js";
import {
  type AttentionOptions,
  type ChatEvent,
  type ChatOptions,
  type Prepared,
  spellingOf,
  type TraceOptions,
  type VisionLanguageModel,
} from "../portable.js";
import { type Port, type Running, serveCalls } from "./calls.js";
import { openHere } from "./load-here.js";
import { openSource } from "./open-source.js";
import type { OpenedFacts, PageModel, PagePrepared, ToldEvent, WorkerState } from "./web-model.js";

let opened: VisionLanguageModel | undefined;
/** What the page has prepared and not forgotten. */
const prepared = new Map<number, Awaited<ReturnType<VisionLanguageModel["prepare"]>>>();
const pins = new Map<number, () => void>();
let lastId = 0;

function model(): VisionLanguageModel {
  invariant(opened, "a model is opened before it is asked");
  return opened;
}

function keep(given: Awaited<ReturnType<VisionLanguageModel["prepare"]>>): PagePrepared {
  prepared.set(++lastId, given);
  const { promptTokens, images, visionMs, notes, reasoning, options } = given;
  const { signal: _, ...asked } = options;
  return { id: lastId, promptTokens, images, visionMs, notes, reasoning, options: asked };
}

async function tellAll({ tell }: Running, events: AsyncIterable<ChatEvent>): Promise<void> {
  for await (const event of events)
    tell({ event, ...(event.type === "end" && { state: state() }) } satisfies ToldEvent);
}

function state(): WorkerState {
  return { info: model().info, stats: model().stats };
}

serveCalls(globalThis as unknown as Port, {
  async open({ tell, signal }, given: PageModel): Promise<OpenedFacts> {
    const { model: modelOptions, ...sourceOptions } = given.options;
    const onProgress = (progress: DownloadProgress) => tell({ progress });
    const source = openSource(given.files, { ...sourceOptions, signal, onProgress });
    const { model: loaded, lost } = await openHere(source, modelOptions);
    opened = loaded;
    void lost.then(({ code, message, details }) =>
      (globalThis as unknown as Port).postMessage({ lost: { code, message, details } }),
    );
    return { ...state(), timings: loaded.timings, vectorVersion: loaded.vectorVersion };
  },
  chat: (running, messages: readonly ChatMessage[], options: ChatOptions) =>
    tellAll(running, model().chat(messages, { ...options, signal: running.signal })),
  prepare: async ({ signal }, messages: readonly ChatMessage[], options: ChatOptions) =>
    keep(await model().prepare(messages, { ...options, signal })),
  prepareText: async ({ signal }, prompt: string | readonly number[], options: ChatOptions) =>
    keep(await model().prepareText(prompt, { ...options, signal })),
  pixelBytes: async ({ signal }, messages: readonly ChatMessage[], options: ChatOptions) =>
    model().pixelBytes(messages, { ...options, signal }),
  async generate(running, id: number, options: ChatOptions) {
    const given = prepared.get(id);
    if (!given)
      throw new OcellusError("closed", "this prompt was prepared by a model that is no longer there; prepare it again");
    const asked: Prepared = { ...given, options: { ...given.options, ...options, signal: running.signal } };
    return tellAll(running, model().generate(asked));
  },
  forget: async (_, id: number) => void prepared.delete(id),
  trace: async ({ signal }, messages: readonly ChatMessage[], options: TraceOptions) =>
    model().trace(messages, { ...options, signal }),
  answerAttention: async ({ signal }, messages: readonly ChatMessage[], answer: string, options: AttentionOptions) =>
    model().answerAttention(messages, answer, { ...options, signal }),
  attentionMap: async ({ signal }, image: ImageInput) => model().attentionMap(image, { signal }),
  spellings: async (_, ids: readonly number[]) => ids.map((tokenId) => spellingOf({ tokenId }, model().tokenizer)),
  embedImage: async ({ signal }, image: ImageInput) => model().embedImage(image, { signal }),
  async pin({ signal }, image: ImageInput) {
    pins.set(++lastId, await model().pin(image, { signal }));
    return lastId;
  },
  async unpin(_, id: number) {
    pins.get(id)?.();
    pins.delete(id);
  },
});
