/**
 * Checkpoint tensors → the bytes of one initializer, in pieces of bounded size: rows are read, widened to float32,
 * stored in the wanted format and handed on, so that memory holds one piece and never one matrix of an 8B model.
 */
import { invariant } from "../base/index.js";
import type { WeightPart } from "../graph/index.js";
import {
  encodeRows,
  expectFinite,
  nestedParts,
  nestScales,
  transposeBytes,
  type WeightsSource,
} from "../quantize/index.js";
import {
  byteLength,
  type DType,
  elementBytes,
  elementCount,
  sameFormat,
  type TensorSource,
  toFloat32,
  type WeightFormat,
} from "../tensor/index.js";

/** Elements of one piece: 4 MiB as float32, which stay in the processor's cache from step to step. */
const pieceElements = 2 ** 20;

export interface EncodedPiece {
  readonly tensor: string;
  /** The next bytes of each part of the tensor; those beside `values` are small. */
  readonly parts: Readonly<Partial<Record<WeightPart, Uint8Array>>>;
  /** Bytes read from the checkpoint, for progress. */
  readonly sourceBytes: number;
}

/** Some rows of a tensor. */
interface Rows {
  readonly tensor: string;
  readonly dtype: DType;
  readonly start: number;
  readonly end: number;
  readonly columns: number;
}

/**
 * The tensors one after another, row by row, in `format`. A piece is valid until the next is asked for. While one piece is
 * encoded the next is read, and all memory is used again: in fresh memory the page faults would cost more than the work.
 */
export function encodeWeights(
  source: WeightsSource,
  tensors: readonly string[],
  format: WeightFormat,
): AsyncGenerator<EncodedPiece> {
  if (keptAsStored(source, tensors, format)) return storedPieces(source, tensors);
  const pieces = encodePieces(source, tensors, format);
  if (format.kind === "w8a8") return columnByColumn(pieces, source.info(tensors[0]!)!.shape[1]!);
  return format.kind === "nf4" && format.nested ? withNestedScales(pieces) : pieces;
}

/** Whether all these tensors are in the checkpoint in this very format. Then their codes are copied. */
export function keptAsStored({ stored }: WeightsSource, tensors: readonly string[], format: WeightFormat): boolean {
  return tensors.every((tensor) => {
    const exact = stored?.exactFormat(tensor);
    return exact !== undefined && sameFormat(exact, format);
  });
}

async function* storedPieces(source: WeightsSource, tensors: readonly string[]): AsyncGenerator<EncodedPiece> {
  for (const tensor of tensors) {
    const parts = await source.stored!.read(tensor);
    const { dtype, shape } = source.info(tensor)!;
    yield { tensor, parts: { ...parts }, sourceBytes: byteLength(dtype, shape) };
  }
}

async function* encodePieces(
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
    const { tensor, start, end, columns } = piece;
    const bytes = source.readRange(tensor, start * columns, end * columns, buffers[i % 2]!);
    bytes.catch(() => {}); // thrown when its turn comes, if it comes
    return bytes;
  };
  let next = read(0);
  for (const [i, { tensor, dtype, start, end, columns }] of pieces.entries()) {
    const bytes = await next!;
    next = read(i + 1);
    const values = toFloat32(bytes, dtype, scratch);
    const rows = { values, rows: end - start, columns, origin: { tensor, firstRow: start } };
    yield { tensor, parts: { ...encodeRows(rows, format) }, sourceBytes: bytes.byteLength };
  }
}

/** A tensor in its own dtype, in pieces. @throws `invalid_file` naming the place of NaN and infinity. */
export async function* plainPieces(source: TensorSource, name: string): AsyncGenerator<Uint8Array> {
  for (const { tensor, dtype, start, end, columns } of rowsOf(source, name)) {
    const bytes = await source.readRange(tensor, start * columns, end * columns);
    expectFinite(toFloat32(bytes, dtype), columns, { tensor, firstRow: start });
    yield bytes;
  }
}

function rowsOf(source: TensorSource, tensor: string): Rows[] {
  const info = source.info(tensor);
  invariant(info, `tensor ${tensor} vanished while packing`);
  const columns = info.shape.length === 0 ? 1 : elementCount(info.shape.slice(1));
  const rows = info.shape[0] ?? 1;
  const step = Math.max(1, Math.floor(pieceElements / columns));
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
    return { tensor, dtype: info.dtype, start: i * step, end: Math.min(rows, (i + 1) * step), columns };
  });
}

/** Holds back a tensor's scales until all are there: nested ones lean on the mean of them all. */
async function* withNestedScales(pieces: AsyncIterable<EncodedPiece>): AsyncGenerator<EncodedPiece> {
  let [tensor, held]: [string | undefined, Uint8Array[]] = [undefined, []];
  for await (const piece of pieces) {
    if (tensor !== undefined && tensor !== piece.tensor) {
      yield nestedPiece(tensor, held);
      held = [];
    }
    tensor = piece.tensor;
    const { scales, ...parts } = piece.parts;
    held.push(scales!);
    yield { ...piece, parts };
  }
  if (tensor !== undefined) yield nestedPiece(tensor, held);
}

/** Holds back the codes until all are there: their first column has one of each row. One matrix of an 8B model has 50 MB of them. */
async function* columnByColumn(pieces: AsyncIterable<EncodedPiece>, columns: number): AsyncGenerator<EncodedPiece> {
  const held: Uint8Array[] = [];
  let tensor = "";
  for await (const piece of pieces) {
    tensor = piece.tensor;
    const { values, ...parts } = piece.parts;
    held.push(values!);
    yield { ...piece, parts };
  }
  yield { tensor, parts: { values: transposeBytes(joined(held), columns) }, sourceBytes: 0 };
}

function nestedPiece(tensor: string, scales: readonly Uint8Array[]): EncodedPiece {
  return { tensor, parts: { ...nestedParts(nestScales(toFloat32(joined(scales), "f32"))) }, sourceBytes: 0 };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const bytes of parts) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}
