/** What a page can choose of how a model runs, checked before anything is fetched: plain JavaScript gets an error for each mistake. */
import { listed, OcellusError, optionNames, refuseUnknownOptions } from "../../base/index.js";
import type { ImageLimits } from "../../image/loaded/index.js";
import type { MemoryOptions, SizeChoice } from "../portable.js";

/** Byte budgets, as of Node's `MemoryOptions`. */
export type WebMemoryOptions = Pick<MemoryOptions, "encoderCacheBytes" | "pinnedBytes" | "prefixCacheBytes">;

type WebImageLimits = Omit<ImageLimits, "maxMs">;

export interface WebModelOptions extends SizeChoice {
  /** "cpu" is WebAssembly. "auto", the default: WebGPU where an adapter computes rightly, else "cpu". */
  readonly device?: "cpu" | "webgpu" | "auto"; // spelled out: these types need no onnxruntime-web
  /** Threads of one operator in WebAssembly, eight at most. Default: the cores of the machine; one where the page is not isolated. */
  readonly threads?: number;
  /** Folder of the files `ort-wasm-simd-threaded…` of onnxruntime-web, with a slash at its end. Default: where a bundler has put them. */
  readonly wasmPaths?: string;
  /** The `.wasm` of that folder is stored as `.wasm.gz`, and unpacked in the page. */
  readonly wasmCompression?: "gzip";
  readonly memory?: WebMemoryOptions;
  /** A browser's decoder cannot be stopped: there is no limit of its time. */
  readonly imageLimits?: WebImageLimits;
  /** As of Node's `loadModel`. */
  readonly speculation?: "auto" | "off";
}

export const webModelNames = {
  ...{ device: true, threads: true, wasmPaths: true, wasmCompression: true, memory: true, imageLimits: true },
  ...{ speculation: true, maxSequences: true, maxLength: true },
} as const satisfies Record<keyof Required<WebModelOptions>, true>;

const memoryNames = optionNames<WebMemoryOptions>({
  encoderCacheBytes: true,
  pinnedBytes: true,
  prefixCacheBytes: true,
});
const limitNames = optionNames<WebImageLimits>({ maxBytes: true, maxPixels: true });

const choices = { device: ["auto", "webgpu", "cpu"], wasmCompression: ["gzip"], speculation: ["auto", "off"] };

/** @param names of all options that may be given. @throws `invalid_request` with `details.param`. */
export function checkOptions(options: WebModelOptions, names: Readonly<Record<string, true>>): void {
  refuseUnknownOptions("loadModel", options, Object.keys(names));
  refuseUnknownOptions("loadModel: memory", options.memory ?? {}, memoryNames);
  refuseUnknownOptions("loadModel: imageLimits", options.imageLimits ?? {}, limitNames);
  for (const [param, expected] of Object.entries(choices)) {
    const found: string | undefined = options[param as keyof typeof choices];
    if (found !== undefined && !expected.includes(found)) throw otherOption(param, listed(expected), found);
  }
  if (options.wasmCompression && options.wasmPaths === undefined)
    throw otherOption("wasmCompression", "wasmPaths beside it, the folder of the compressed file", "none");
  const { threads = 1 } = options;
  if (!Number.isInteger(threads) || threads < 1) throw otherOption("threads", "a whole number from 1 on", `${threads}`);
}

function otherOption(param: string, expected: string, found: string): OcellusError {
  return new OcellusError("invalid_request", `loadModel: ${param}: expected ${expected}, found ${found}`, {
    details: { param, expected, found },
  });
}
