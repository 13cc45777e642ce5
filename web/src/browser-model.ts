/** A model that runs in this page's own worker (docs/browser.md): what pages ask of it, and what they ask it with. */
import "./in-browser/no-eval.js";
import {
  type ChatEvent,
  type ChatMessage,
  type ChatOptions,
  type DownloadProgress,
  image,
  loadModel,
  OcellusError,
  removeStoredModel,
  storedModels,
  type WebModel,
} from "../../src/core/runtime/web/index.js";
import { answerStats, chatOptions, usageOf, wireAttention, wireTokens } from "../../src/wire/index.js";

export type { ChatEvent, ChatMessage, ChatOptions, DownloadProgress };
export {
  answerStats,
  chatOptions,
  image,
  OcellusError,
  removeStoredModel,
  storedModels,
  usageOf,
  wireAttention,
  wireTokens,
};

export interface BrowserModel extends Pick<WebModel, "info" | "chat" | "spellings" | "answerAttention" | "close"> {
  /** Of WebAssembly. */
  readonly threads: number;
  /** Where its queries looked; undefined for a model without queries. */
  look(picture: Blob): ReturnType<WebModel["attentionMap"]>;
}

export interface BrowserModelOptions {
  /** Folder of ONNX Runtime's files. Default: beside its script. */
  readonly wasmPaths?: string;
  /** They are stored compressed. */
  readonly wasmCompression?: "gzip";
  readonly device: "auto" | "cpu";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
}

const startWorker = () =>
  new Worker(new URL("../../src/core/runtime/web/model-worker.ts", import.meta.url), { type: "module" });

export async function openBrowserModel(url: string, options: BrowserModelOptions): Promise<BrowserModel> {
  const model = await loadModel(url, { ...options, worker: startWorker });
  return {
    get info() {
      return model.info;
    },
    threads: threadsHere(),
    chat: (messages, asked) => model.chat(messages, asked),
    spellings: (ids, asked) => model.spellings(ids, asked),
    answerAttention: (messages, answer, asked) => model.answerAttention(messages, answer, asked),
    look: (picture) => model.attentionMap(picture),
    close: () => model.close(),
  };
}

/** As the runtime chooses them: shared memory is for isolated pages. */
export function threadsHere(): number {
  return crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1;
}
