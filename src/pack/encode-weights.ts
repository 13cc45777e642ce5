/**
 * Checkpoint tensors → the bytes of one initializer, in pieces of bounded size: rows are read, widened to float32,
 * stored in the wanted format and handed on, so that memory holds one piece and never one matrix of an 8B model.
 */
import { invariant } from "../base/index.js";
import type { WeightFormat } from "../graph/index.js";
import { quantizeRows } from "../quantize/index.js";
import {
  bytesOf,
  type DType,
  elementBytes,
  elementCount,
  type TensorSource,
  toFloat16Bits,
  toFloat32,
} from "../tensor/index.js";

/** Elements of one piece: 4 MiB as float32, which stay in the processor's cache from step to step. */
const pieceElements = 2 ** 20;

export interface EncodedPiece {
  readonly values: Uint8Array;
  /** float32 block scales of the integer formats. */
  readonly scales?: Uint8Array;
  /** Bytes read from the checkpoint, for progress. */
  readonly sourceBytes: number;
}

/** Some rows of a tensor. */
interface Rows {
  readonly name: string;
  readonly dtype: DType;
  readonly start: number;
  readonly end: number;
  readonly columns: number;
}

/**
 * The tensors one after another, row by row, in `format`. A piece is valid until the next is asked for. While one piece is
 * encoded the next is read, and all memory is used again: in fresh memory the page faults would cost more than the work.
 */
export async function* encodeWeights(
  source: TensorSource,
  tensors: readonly string[],
  format: WeightFormat,
): AsyncGenerator<EncodedPiece> {
  const pieces = tensors.flatMap((name) => rowsOf(source, name));
  const sizes = pieces.map(({ start, end, columns }) => (end - start) * columns);
  const scratch = new Float32Array(Math.max(0, ...sizes));
  const numBytes = Math.max(0, ...pieces.map(({ dtype }, i) => sizes[i]! * elementBytes(dtype)));
  const buffers = [new Uint8Array(numBytes), new Uint8Array(numBytes)];
  const read = (i: number) => {
    const piece = pieces[i];
    if (!piece) return undefined;
    const { name, start, end, columns } = piece;
    const bytes = source.readRange(name, start * columns, end * columns, buffers[i % 2]!);
    bytes.catch(() => {}); // thrown when its turn comes, if it comes
    return bytes;
  };
  let next = read(0);
  for (const [i, { dtype, start, end, columns }] of pieces.entries()) {
    const bytes = await next!;
    next = read(i + 1);
    const values = toFloat32(bytes, dtype, scratch);
    yield { ...encodeRows(values, end - start, columns, format), sourceBytes: bytes.byteLength };
  }
}

function rowsOf(source: TensorSource, name: string): Rows[] {
  const info = source.info(name);
  invariant(info, `tensor ${name} vanished while packing`);
  const columns = info.shape.length === 0 ? 1 : elementCount(info.shape.slice(1));
  const rows = info.shape[0] ?? 1;
  const step = Math.max(1, Math.floor(pieceElements / columns));
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
    return { name, dtype: info.dtype, start: i * step, end: Math.min(rows, (i + 1) * step), columns };
  });
}

function encodeRows(
  values: Float32Array,
  rows: number,
  columns: number,
  format: WeightFormat,
): Omit<EncodedPiece, "sourceBytes"> {
  switch (format.kind) {
    case "f32":
      return { values: bytesOf(values) };
    case "f16":
      return { values: bytesOf(toFloat16Bits(values)) };
    case "int8":
    case "int4": {
      const { codes, scales } = quantizeRows(values, rows, columns, format.kind, format.blockSize);
      return { values: codes, scales: bytesOf(scales) };
    }
    default:
      return format satisfies never;
  }
}
