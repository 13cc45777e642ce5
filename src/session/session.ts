/**
 * One graph, ready to run. Values go in and come out as ONNX Runtime tensors over our own typed arrays, so a buffer
 * that is passed both as an input and as a preallocated output is written in place: that is how the KV cache lives.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { invariant, OcellusError } from "../base/index.js";
import { type Device, defaultThreads } from "./device.js";

/** A tensor as the runtime takes it: typed array and shape. Opaque to other rooms but for `data` and `dims`. */
export type DeviceTensor = Tensor;
export type Feeds = Readonly<Record<string, DeviceTensor>>;

export interface SessionOptions {
  readonly device: Device;
  /** Threads of one operator; default: the cores this process may use. */
  readonly threads?: number;
}

export function float32(data: Float32Array, dims: readonly number[]): DeviceTensor {
  return new Tensor("float32", data, dims);
}

export function int64(data: readonly number[], dims: readonly number[] = [data.length]): DeviceTensor {
  return new Tensor("int64", BigInt64Array.from(data, BigInt), dims);
}

export function int32(data: readonly number[], dims: readonly number[] = [data.length]): DeviceTensor {
  return new Tensor("int32", Int32Array.from(data), dims);
}

export class GraphSession {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** Opens an ONNX file; its weights are mapped from the files it names. @throws `invalid_file`, `unavailable`. */
  static async open(modelPath: string, options: SessionOptions): Promise<GraphSession> {
    try {
      const session = await InferenceSession.create(modelPath, {
        executionProviders: options.device === "cpu" ? ["cpu"] : [options.device, "cpu"],
        intraOpNumThreads: options.threads ?? defaultThreads(),
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Threads that spin between operators double the CPU time and, on shared cores, the wall time too (docs/log.md).
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      });
      return new GraphSession(session);
    } catch (cause) {
      throw new OcellusError(
        "invalid_file",
        `cannot open the graph ${modelPath} on ${options.device}: ${(cause as Error).message}; ` +
          "if the packed model was damaged, pack it again with --force",
        { details: { path: modelPath, device: options.device }, cause },
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
    const results = (await this.#session.run(feeds, outputs)) as Record<string, DeviceTensor>;
    // The library drops what it does not take for a tensor; a cache that is silently not written would be a wrong answer.
    for (const name of Object.keys(outputs)) invariant(results[name], `the session gave no output ${name}`);
    return results;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
