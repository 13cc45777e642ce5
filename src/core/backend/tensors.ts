/**
 * Tensors as graphs take and give them, whichever ONNX Runtime runs the graph: in the host's memory plain objects over our own
 * typed arrays, on a device the runtime's own.
 */

/** Opaque to other rooms but for `data` and `dims`. */
export interface DeviceTensor {
  readonly type: string;
  readonly data: ArrayBufferView;
  readonly dims: readonly number[];
  /** Elements. */
  readonly size: number;
  /** Where it lies on a device; absent: in the host's memory. */
  readonly gpuBuffer?: unknown;
  dispose(): void;
}
export type Feeds = Readonly<Record<string, DeviceTensor>>;

class HostTensor implements DeviceTensor {
  readonly type: string;
  readonly data: ArrayBufferView;
  readonly dims: readonly number[];

  constructor(type: string, data: ArrayBufferView, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }

  get size(): number {
    return this.dims.reduce((product, side) => product * side, 1);
  }

  dispose(): void {}
}

export function float32(data: Float32Array, dims: readonly number[]): DeviceTensor {
  return new HostTensor("float32", data, dims);
}

export function int8(data: Int8Array, dims: readonly number[]): DeviceTensor {
  return new HostTensor("int8", data, dims);
}

export function int64(data: readonly number[], dims: readonly number[] = [data.length]): DeviceTensor {
  return new HostTensor("int64", BigInt64Array.from(data, BigInt), dims);
}

export function int32(data: readonly number[], dims: readonly number[] = [data.length]): DeviceTensor {
  return new HostTensor("int32", Int32Array.from(data), dims);
}

/** From its parts, as they come from another thread. */
export function tensor({ type, data, dims }: Pick<DeviceTensor, "type" | "data" | "dims">): DeviceTensor {
  return new HostTensor(type, data, dims);
}

/** What of tensors can travel between threads. */
export type PlainTensors = Readonly<Record<string, Pick<DeviceTensor, "type" | "data" | "dims">>>;

export function plain(tensors: Feeds): PlainTensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => [name, { type, data, dims }]),
  );
}

/** Whether it lies in the host's memory. */
export function isOnHost(tensor: DeviceTensor): boolean {
  return tensor instanceof HostTensor;
}
