/**
 * The one module that imports onnxruntime-web. Its two builds, one with WebGPU and twice as large, are loaded when one is first
 * wanted; settings hold for the whole thread and are made before its first session. It reads its own files from where a bundler has put
 * them, or from a named folder, and nothing else: there is no telemetry in it.
 */
import type { env, InferenceSession, Tensor } from "onnxruntime-web";
import { OcellusError, Semaphore } from "../../base/index.js";
import { smallModel } from "../portable.js";
import { readCompressedWasm } from "./compressed-wasm.js";

export type { InferenceSession, Tensor };

export interface Runtime {
  readonly env: typeof env;
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

export interface RuntimeOptions {
  /** Whether graphs run on WebGPU. */
  readonly webgpu: boolean;
  /** Of one operator. Default: the cores of the machine where the page is isolated from others (docs/browser.md), else one. */
  readonly threads?: number | undefined;
  /** Folder of the files `ort-wasm-simd-threaded…`, with a slash at its end. Default: where the bundler has put them. */
  readonly wasmPaths?: string | undefined;
  /** Their `.wasm` is stored as `.wasm.gz`. */
  readonly wasmCompression?: "gzip" | undefined;
}

/** More threads than this only wait for each other's memory. */
const mostThreads = 8;

/**
 * Its work, one at a time on this thread, of whichever graph: it lays the arguments of a run on a stack, waits before it runs, and what ends first
 * takes those of the other with it. It opens one graph at a time too.
 */
export const turns = new Semaphore(1);

/** The variants that the two builds load. */
const wasmFiles = { cpu: "ort-wasm-simd-threaded.wasm", webgpu: "ort-wasm-simd-threaded.asyncify.wasm" } as const;

/** @throws `unavailable` where the package is not installed, or its files are not found. */
export async function loadRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { webgpu, threads, wasmPaths, wasmCompression } = options;
  const runtime: Runtime = await (webgpu ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm")).catch(
    (cause: unknown) => {
      throw new OcellusError(
        "unavailable",
        `onnxruntime-web cannot be loaded: ${(cause as Error).message}; npm install onnxruntime-web`,
        { details: { package: "onnxruntime-web", install: "npm install onnxruntime-web" }, cause },
      );
    },
  );
  const { wasm } = runtime.env;
  wasm.numThreads = usedThreads(threads);
  if (wasmPaths !== undefined) wasm.wasmPaths = wasmPaths;
  if (wasmCompression)
    wasm.wasmBinary = await readCompressedWasm(`${wasmPaths}${wasmFiles[webgpu ? "webgpu" : "cpu"]}.gz`);
  runtime.env.logLevel = "error";
  return runtime;
}

/**
 * ONNX Runtime fetches and compiles its WebAssembly when a first graph is opened: this opens one, so that it happens while a model's files
 * are still read. Where it fails, the model's own graphs say so.
 */
export function startRuntime({ InferenceSession }: Runtime): void {
  const model = smallModel("first", (builder) =>
    builder.output("y", builder.root.op("Neg", [builder.input("x", "f32", [1])])),
  );
  const openAndRelease = async () => (await InferenceSession.create(model, { executionProviders: ["wasm"] })).release();
  turns.run(openAndRelease).catch(() => {});
}

/** Memory is shared between threads in isolated pages only. */
function usedThreads(wanted?: number): number {
  const { isIsolated, navigator } = page();
  if (!isIsolated) return 1;
  return Math.min(wanted ?? navigator.hardwareConcurrency, mostThreads);
}

/** Where fewer threads compute than were asked for, and why, in a sentence. */
export function threadNotes(wanted: number | undefined): string[] {
  const used = usedThreads(wanted);
  if (wanted === undefined || used >= wanted) return [];
  if (page().isIsolated) return [`${used} threads compute, not ${wanted}: more only wait for each other's memory`];
  return [`one thread computes, not ${wanted}: the page is not isolated from others (docs/browser.md)`];
}

function page() {
  const { crossOriginIsolated: isIsolated = false, navigator } = globalThis as unknown as {
    readonly crossOriginIsolated?: boolean;
    readonly navigator: { readonly hardwareConcurrency: number };
  };
  return { isIsolated, navigator };
}
