/**
 * Checkpoint tensors → the bytes of one initializer, in pieces of bounded size: rows are read, widened to float32,
 * stored in the wanted format and handed on, so that memory holds one piece and never one matrix of an 8B model.
 */
import { invariant } from "../base/index.js";
import type { WeightFormat } from "../graph/index.js";
import { quantizeRows } from "../quantize/index.js";
import { bytesOf, elementCount, type TensorSource, toFloat16Bits, toFloat32 } from "../tensor/index.js";

/** Elements of one piece: 32 MiB as float32, a few milliseconds of work. */
const pieceElements = 8 * 2 ** 20;

export interface EncodedPiece {
  readonly values: Uint8Array;
  /** float32 block scales of the integer formats. */
  readonly scales?: Uint8Array;
  /** Bytes read from the checkpoint, for progress. */
  readonly sourceBytes: number;
}

/** The tensors one after another, row by row, in `format`. */
export async function* encodeWeights(
  source: TensorSource,
  tensors: readonly string[],
  format: WeightFormat,
): AsyncGenerator<EncodedPiece> {
  for (const name of tensors) {
    const info = source.info(name);
    invariant(info, `tensor ${name} vanished while packing`);
    const columns = info.shape.length === 0 ? 1 : elementCount(info.shape.slice(1));
    const rows = info.shape[0] ?? 1;
    const step = Math.max(1, Math.floor(pieceElements / columns));
    for (let row = 0; row < rows; row += step) {
      const end = Math.min(rows, row + step);
      const bytes = await source.readRange(name, row * columns, end * columns);
      const piece = encodeRows(toFloat32(bytes, info.dtype), end - row, columns, format);
      yield { ...piece, sourceBytes: bytes.byteLength };
    }
  }
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
