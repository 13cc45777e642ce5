/** The page of test/browser.test.ts: the browser's entry as a global, for tests to call. */
import * as web from "../../../src/core/runtime/web/index.js";

type Worker = web.ModelWorker & { postMessage(message: unknown): void };
const { Worker, document } = globalThis as unknown as {
  Worker: new (url: URL, options: { type: "module" }) => Worker;
  document: { readonly baseURI: string };
};

let lastWorker: Worker;
const worker = () => {
  lastWorker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return lastWorker;
};

/** Of the worker that was started last. */
export interface Held {
  /** Of its WebAssembly, which keeps what it has taken once. */
  readonly wasmBytes: number;
  /** That it has started. */
  readonly numThreads: number;
  /** From the GPU's memory, since it was started. */
  readonly readBytes: number;
}

const modelUrl = (name: string) => new URL(`models/${name}/`, document.baseURI).href;

/** The files of a model that was packed for Node alone. */
async function filesOf(name: string): Promise<Record<string, Blob>> {
  const names = (await (await fetch(modelUrl(name).replace(/\/$/, ".json"))).json()) as string[];
  const files = names.filter((file) => !file.endsWith(".onnx"));
  const blobs = await Promise.all(files.map(async (file) => [file, await (await fetch(modelUrl(name) + file)).blob()]));
  return Object.fromEntries(blobs);
}

export const page = {
  ...web,
  /** That tests have left open. */
  models: {} as Record<string, web.WebModel>,
  open: (name: string, options: web.LoadWebOptions = {}) => web.loadModel(modelUrl(name), { worker, ...options }),
  openFiles: async (name: string, options: web.LoadWebOptions = {}) =>
    web.loadModel(await filesOf(name), { worker, ...options }),
  openHere: async (name: string, options: web.WebModelOptions = {}) =>
    web.loadModelHere(await web.memorySource(await filesOf(name)), options),
  all: async (events: AsyncIterable<web.ChatEvent>) => {
    const found: web.ChatEvent[] = [];
    for await (const event of events) found.push(event);
    return found;
  },
  loseGpu: () => lastWorker.postMessage({ test: "lose the GPU" }),
  held: () =>
    new Promise<Held>((resolve) => {
      lastWorker.addEventListener("message", ({ data }) => {
        const { held } = data as { held?: Held };
        if (held) resolve(held);
      });
      lastWorker.postMessage({ test: "held" });
    }),
};
export type Page = typeof page;

Object.assign(globalThis, { ocellus: page });
