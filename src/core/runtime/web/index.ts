/**
 * The runtime in a browser: packed models, unchanged, in a worker of the page or on the caller's thread. docs/browser.md
 */
import { OcellusError } from "../../base/index.js";
import type { DownloadProgress, OpenPackedOptions } from "../../storage/web/index.js";
import type { ModelFiles } from "./open-source.js";
import { absoluteUrl } from "./sendable.js";
import { type ModelWorker, WebModel } from "./web-model.js";
import { checkOptions, type WebModelOptions, webModelNames } from "./web-options.js";

export { OcellusError } from "../../base/index.js";
export type { ImageInput } from "../../image/loaded/index.js";
export { type ChatMessage, type ContentPart, frames, image } from "../../processor/portable.js";
export {
  type DownloadProgress,
  memorySource,
  openPackedUrl,
  type PackedSource,
  removeStoredModel,
  storedModels,
} from "../../storage/web/index.js";
export {
  type AnswerAttention,
  type AttentionOptions,
  type ChatEvent,
  type ChatOptions,
  type ChatResult,
  type LanguageModel,
  type Middleware,
  type ModelInfo,
  type Prepared,
  type Trace,
  type TraceOptions,
  type VisionLanguageModel,
  withMiddleware,
} from "../portable.js";
export { loadModelHere } from "./load-here.js";
export type { ModelFiles } from "./open-source.js";
export type { ModelWorker, WebModel } from "./web-model.js";
export type { WebMemoryOptions, WebModelOptions } from "./web-options.js";

export interface LoadWebOptions extends WebModelOptions, OpenPackedOptions {
  /** Starts the worker, for bundlers that do not follow `new URL("./model-worker.js", import.meta.url)`. */
  readonly worker?: () => ModelWorker;
}

const loadNames = {
  ...webModelNames,
  ...{ sha256: true, headers: true, signal: true, onProgress: true, worker: true },
} as const satisfies Record<keyof Required<LoadWebOptions>, true>;

/**
 * Opens a packed model in a worker of its own, from the address of its folder or from its files.
 * @throws `invalid_request` (an unknown option), `not_found`, `invalid_file`, `invalid_config`, `unsupported`, `unavailable` (device, worker),
 * `io`, `aborted`.
 */
export async function loadModel(model: ModelFiles | URL, options: LoadWebOptions = {}): Promise<WebModel> {
  checkOptions(options, loadNames);
  const { sha256, headers, signal, onProgress, worker: newWorker = startWorker, ...here } = options;
  const files = typeof model === "string" || model instanceof URL ? absoluteUrl(String(model)) : model;
  return WebModel.open({
    ...{ newWorker, signal, onProgress: keeping(onProgress) },
    model: { files, options: { sha256, headers, model: here } },
  });
}

/** What is downloaded should not be cleared away when a disk is full; only pages may ask for that. */
function keeping(onProgress: LoadWebOptions["onProgress"]) {
  let hasAsked = false;
  return (progress: DownloadProgress) => {
    if (!hasAsked && progress.doneBytes < progress.totalBytes) {
      hasAsked = true;
      const { navigator } = globalThis as unknown as {
        readonly navigator: { storage?: { persist?(): Promise<boolean> } };
      };
      navigator.storage?.persist?.().catch(() => {}); // it is the browser's to decide
    }
    onProgress?.(progress);
  };
}

function startWorker(): ModelWorker {
  const { Worker } = globalThis as unknown as { Worker?: new (url: URL, options: { type: "module" }) => ModelWorker };
  if (Worker) return new Worker(new URL("./model-worker.js", import.meta.url), { type: "module" });
  throw new OcellusError(
    "unavailable",
    "there are no workers here: a page starts one, and a worker calls loadModelHere",
    {
      details: { missing: "Worker" },
    },
  );
}
