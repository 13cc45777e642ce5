/**
 * A graph in a browser, run by onnxruntime-web on the thread that opened it: in WebAssembly, or on WebGPU, where what is lent of a cache stays on the
 * device. Its weights are handed over as bytes under the names by which the graph knows their files.
 */
import { invariant, nextTurn, OcellusError } from "../../base/index.js";
import {
  type Device,
  type DeviceMemory,
  type DeviceTensor,
  type Feeds,
  type Graph,
  isOnHost,
  type Results,
} from "../portable.js";
import { lossOr } from "./device-loss.js";
import { type InferenceSession, type Runtime, type Tensor, turns } from "./onnxruntime.js";

interface WeightFile {
  readonly path: string;
  readonly data: Uint8Array;
}

export interface WebGraphOptions {
  readonly runtime: Runtime;
  readonly device: Extract<Device, "cpu" | "webgpu">;
  readonly weights?: readonly WeightFile[];
  /** Outputs that are not preallocated stay on the device. */
  readonly keepOutputs?: boolean;
}

export class WebGraph implements Graph {
  readonly device: Device;
  readonly deviceMemory: DeviceMemory | undefined;
  readonly #session: InferenceSession;
  readonly #runtime: Runtime;

  private constructor(session: InferenceSession, { runtime, device }: WebGraphOptions) {
    this.#session = session;
    this.#runtime = runtime;
    this.device = device;
    this.deviceMemory = device === "webgpu" ? memoryOf(runtime) : undefined;
  }

  get takesRuns(): boolean {
    return this.#session.inputNames.includes("run_steps");
  }

  /** @throws `invalid_file`, `unavailable` where the runtime does not start. */
  static async open(model: Uint8Array, options: WebGraphOptions): Promise<WebGraph> {
    const { runtime, device, weights = [], keepOutputs = false } = options;
    try {
      const opening = () =>
        runtime.InferenceSession.create(model, {
          executionProviders: device === "cpu" ? ["wasm"] : ["webgpu", "wasm"],
          graphOptimizationLevel: "all",
          logSeverityLevel: 3,
          externalData: [...weights],
          ...(keepOutputs && { preferredOutputLocation: "gpu-buffer" as const }),
        });
      return new WebGraph(await turns.run(opening), options);
    } catch (cause) {
      throw openingError(device, cause);
    }
  }

  async run(feeds: Feeds, outputs: Readonly<Record<string, DeviceTensor | null>>): Promise<Results> {
    const given = toRuntime(feeds, this.#runtime) as Record<string, Tensor>;
    const results = await turns
      .run(() => this.#session.run(given, toRuntime(outputs, this.#runtime)))
      .catch(async (error) => {
        throw this.device === "webgpu" ? await lossOr(error, this.#runtime) : error;
      });
    await nextTurn(); // WebAssembly runs without a pause: questions that arrived, and callers that gave up, are heard here
    for (const name of Object.keys(outputs)) invariant(results[name], `the session gave no output ${name}`);
    return results as unknown as Results;
  }

  async close(): Promise<void> {
    await turns.run(() => this.#session.release());
  }
}

function openingError(device: Device, cause: unknown): OcellusError {
  const reason = (cause as Error).message ?? cause;
  // Its words where its own WebAssembly was not found, or did not compile.
  if (/no available backend found/.test(reason))
    return new OcellusError(
      "unavailable",
      `onnxruntime-web does not start: ${reason}; its files ort-wasm-simd-threaded… are expected where a bundler has put them, or in wasmPaths`,
      { details: { package: "onnxruntime-web", device }, cause },
    );
  const smaller = device === "cpu" ? "" : '; try device: "cpu"';
  return new OcellusError(
    "invalid_file",
    `cannot open a graph on ${device}: ${reason}; if its files are whole, it may be too large for this browser${smaller}`,
    { details: { device }, cause },
  );
}

function memoryOf(runtime: Runtime): DeviceMemory {
  return {
    open: (model, { keepsOutputs } = { keepsOutputs: false }) =>
      WebGraph.open(model, { runtime, device: "webgpu", keepOutputs: keepsOutputs }),
    firstRows: (tensor, count) => {
      const dims = [count, ...tensor.dims.slice(1)];
      const { gpuBuffer } = tensor as unknown as Tensor;
      return runtime.Tensor.fromGpuBuffer(gpuBuffer, { dataType: "float32", dims }) as unknown as DeviceTensor;
    },
  };
}

/** As the runtime takes them: its own class over the same arrays. */
function toRuntime(
  tensors: Readonly<Record<string, DeviceTensor | null>>,
  { Tensor: Own }: Runtime,
): Record<string, Tensor | null> {
  const own = (tensor: DeviceTensor | null) =>
    tensor && isOnHost(tensor)
      ? new Own(tensor.type as "float32", tensor.data as Float32Array, tensor.dims)
      : (tensor as Tensor | null);
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, own(tensor)]));
}
