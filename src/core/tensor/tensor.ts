/**
 * A tensor is a name, a dtype, a shape and raw little-endian bytes in C order. It computes nothing: kernels belong to
 * ONNX Runtime, conversions to `convert.ts`. `TensorSource` is the door through which all weights come.
 */
import { OcellusError } from "../base/index.js";
import { type DType, elementBytes } from "./dtype.js";

export type Shape = readonly number[];

export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface Tensor extends TensorInfo {
  /** Little-endian, C order, `elementCount(shape) * elementBytes(dtype)` long; not necessarily aligned. */
  readonly bytes: Uint8Array;
}

/** Named tensors, read lazily: `names` and `info` cost nothing, `read` and `readRange` touch the disk. */
export interface TensorSource {
  names(): Iterable<string>;
  info(name: string): TensorInfo | undefined;
  /** The whole tensor. @throws `not_found` with the nearest names. */
  read(name: string): Promise<Tensor>;
  /**
   * Elements `[start, end)` in C order, as raw bytes of the tensor's dtype, without reading the rest where the format
   * allows. `into` offers memory for them, as long as the range or longer: fresh memory costs more than reading.
   * @throws `not_found`; `invalid_request` when the range leaves the tensor.
   */
  readRange(name: string, start: number, end: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** Number of elements; 1 for a scalar (shape `[]`). */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Bytes of a tensor of this dtype and shape. */
export function byteLength(dtype: DType, shape: Shape): number {
  return elementCount(shape) * elementBytes(dtype);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/** `[2, 3]` */
export function formatShape(shape: readonly (number | string)[]): string {
  return `[${shape.join(", ")}]`;
}

/** @throws `invalid_file` naming the tensor when its shape is not the expected one. */
export function expectShape(info: TensorInfo, expected: Shape): void {
  if (sameShape(info.shape, expected)) return;
  throw new OcellusError(
    "invalid_file",
    `tensor ${info.name}: expected shape ${formatShape(expected)}, found ${formatShape(info.shape)}; ` +
      "the checkpoint and its config.json do not belong together, or the file was edited",
    { details: { tensor: info.name, expected, found: info.shape } },
  );
}
