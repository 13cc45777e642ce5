/** A model that runs in this page's own worker (docs/browser.md): what a page asks of it. */
import {
  type ChatEvent,
  type ChatMessage,
  type ChatOptions,
  type DownloadProgress,
  image,
  loadModel,
  type WebModel,
} from "../../src/core/runtime/web/index.js";

export { type DownloadProgress, image };

export interface BrowserModel {
  readonly info: { readonly device: string; readonly threads: number };
  chat(messages: readonly ChatMessage[], options: ChatOptions): AsyncIterable<ChatEvent>;
  /** Where its queries looked; undefined for a model without queries. */
  look(picture: Blob): ReturnType<WebModel["attentionMap"]>;
}

export interface BrowserModelOptions {
  /** Folder of ONNX Runtime's files. */
  readonly wasmPaths: string;
  /** They are stored compressed. */
  readonly wasmCompression?: "gzip";
  readonly device: "auto" | "cpu";
  readonly headers?: Readonly<Record<string, string>>;
  readonly onProgress: (progress: DownloadProgress) => void;
}

const startWorker = () =>
  new Worker(new URL("../../src/core/runtime/web/model-worker.ts", import.meta.url), { type: "module" });

export async function openBrowserModel(url: string, options: BrowserModelOptions): Promise<BrowserModel> {
  const model = await loadModel(url, { ...options, worker: startWorker });
  const threads = crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1;
  return {
    info: { device: model.info.device ?? "cpu", threads },
    chat: (messages, asked) => model.chat(messages, asked),
    look: (picture) => model.attentionMap(picture),
  };
}
