/**
 * A graph on the CPU or on a device of this machine, run by onnxruntime-node. A buffer that is passed both as an input and as a preallocated output is
 * written in place: that is how the KV cache lives.
 */
import { invariant, OcellusError } from "../base/index.js";
import type { KvCacheDtype } from "../graph/index.js";
import type { Device } from "./device.js";
import type { DeviceMemory } from "./graph.js";
import { defaultThreads } from "./machine.node.js";
import { createSession, type InferenceSession, Tensor } from "./onnxruntime.node.js";
import { sumsSaturate } from "./saturation.js";
import { type DeviceTensor, type Feeds, isOnHost } from "./tensors.js";

export interface SessionOptions {
  readonly device: Device;
  /** Threads of one operator; default: the cores this process may use. */
  readonly threads?: number;
  /** Outputs that are not preallocated stay where they were computed; only other runs can read them. */
  readonly keepOutputs?: boolean;
  /** Memory goes back to the system after each run: for many graphs of which one runs at a time. Default false. */
  readonly freesMemory?: boolean;
  /** Where a model given as bytes finds the files it names. */
  readonly weightsFolder?: string;
  readonly probe?: Probe;
}

/** What every run of a graph made for measuring is given and asked for beside what its caller knows. */
export interface Probe {
  feeds(): Feeds;
  readonly outputs: readonly string[];
  take(results: Readonly<Record<string, DeviceTensor>>): void;
}

/** As the runtime takes them: its own class over the same arrays. */
function toRuntime<T extends DeviceTensor | null>(tensors: Readonly<Record<string, T>>): Record<string, Tensor> {
  const own = (tensor: DeviceTensor | null) =>
    tensor && isOnHost(tensor)
      ? new Tensor(tensor.type as "float32", tensor.data as Float32Array, tensor.dims)
      : (tensor as Tensor);
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, own(tensor)]));
}

/** The memory of the WebGPU device. */
export const webGpuMemory: DeviceMemory = {
  open: (model, { keepsOutputs } = { keepsOutputs: false }) =>
    GraphSession.open(model, { device: "webgpu", keepOutputs: keepsOutputs, threads: 1 }),
  firstRows: (tensor, count) =>
    Tensor.fromGpuBuffer((tensor as Tensor).gpuBuffer, {
      dataType: "float32",
      dims: [count, ...tensor.dims.slice(1)],
    }),
};

export class GraphSession {
  readonly device: Device;
  readonly #session: InferenceSession;
  readonly #probe: Probe | undefined;

  private constructor(session: InferenceSession, { device, probe }: SessionOptions) {
    this.#session = session;
    this.#probe = probe;
    this.device = device;
  }

  get deviceMemory(): DeviceMemory | undefined {
    return this.device === "webgpu" ? webGpuMemory : undefined;
  }

  get takesRuns(): boolean {
    return this.#session.inputNames.includes("run_steps");
  }

  /** Of a decoder. */
  get kvCacheDtype(): KvCacheDtype {
    const past = this.#session.inputMetadata.find(({ name }) => name.startsWith("past_key_values."));
    return past?.isTensor && past.type === "int8" ? "int8" : "float32";
  }

  /** Opens an ONNX model, or the file that holds one; its weights are mapped from the files it names. @throws `invalid_file`. */
  static async open(model: string | Uint8Array, options: SessionOptions): Promise<GraphSession> {
    try {
      const widensWeights = await sumsSaturate();
      const session = await createSession(model, {
        executionProviders: options.device === "cpu" ? ["cpu"] : [options.device, "cpu"],
        intraOpNumThreads: options.threads ?? defaultThreads(),
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        ...(options.keepOutputs && { preferredOutputLocation: "gpu-buffer" }),
        ...(options.freesMemory && { enableCpuMemArena: false, enableMemPattern: false }),
        // Threads that spin between operators double the CPU time and, on shared cores, the wall time too (docs/log.md).
        extra: {
          session: {
            intra_op: { allow_spinning: "0" },
            ...(widensWeights && { x64quantprecision: "1" }),
            ...(options.weightsFolder && { model_external_initializers_file_folder_path: options.weightsFolder }),
          },
        },
      });
      return new GraphSession(session, options);
    } catch (cause) {
      if (cause instanceof OcellusError) throw cause;
      const path = typeof model === "string" ? model : "of our own";
      throw new OcellusError(
        "invalid_file",
        `cannot open the graph ${path} on ${options.device}: ${(cause as Error).message}; ` +
          "if the packed model was damaged, pack it again with --force" +
          (options.device === "cpu" ? "" : "; if it is too large for the device, use --device cpu"),
        { details: { path, device: options.device }, cause },
      );
    }
  }

  /**
   * Runs the graph. `outputs` names what is wanted: a preallocated tensor to write into, or null to allocate.
   * The returned data is valid until the next run for preallocated outputs, else for as long as it is held.
   */
  async run(
    feeds: Feeds,
    outputs: Readonly<Record<string, DeviceTensor | null>>,
  ): Promise<Record<string, DeviceTensor>> {
    const probed = Object.fromEntries((this.#probe?.outputs ?? []).map((name) => [name, null]));
    const wanted = { ...probed, ...outputs };
    const results = (await this.#session.run(
      toRuntime({ ...feeds, ...this.#probe?.feeds() }),
      toRuntime(wanted) as Record<string, Tensor | null>,
    )) as Record<string, DeviceTensor>;
    // The library drops what it does not take for a tensor; a cache that is silently not written would be a wrong answer.
    for (const name of Object.keys(wanted)) invariant(results[name], `the session gave no output ${name}`);
    this.#probe?.take(results);
    return results;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
