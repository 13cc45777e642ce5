/**
 * A tensor in pieces of bounded size, cut between rows, so that a pass over a checkpoint holds a few pieces whatever its
 * size, and so that what is said of rows and columns is said of whole ones.
 */
import { elementBytes, elementCount, type TensorInfo } from "../core/tensor/index.js";

export interface Piece {
  readonly name: string;
  /** Elements [start, end) in C order. */
  readonly start: number;
  readonly end: number;
  /** Elements of one row: the product of all axes but the first. 0 where rows mean nothing (vectors, rows too long). */
  readonly columns: number;
  readonly sizeBytes: number;
}

/** Elements of a piece: 32 MiB as float32. */
const pieceElements = 8 * 2 ** 20;
/** The widest rows that are channels: four times the widest feed-forward of published models. */
const maxColumns = 2 ** 18;

export function piecesOf({ name, dtype, shape }: TensorInfo): Piece[] {
  const count = elementCount(shape);
  const width = shape.length < 2 ? 0 : elementCount(shape.slice(1));
  const columns = width > maxColumns ? 0 : width;
  const step = columns === 0 ? pieceElements : Math.max(1, Math.floor(pieceElements / columns)) * columns;
  const pieces: Piece[] = [];
  for (let start = 0; start < count; start += step) {
    const end = Math.min(count, start + step);
    pieces.push({ name, start, end, columns, sizeBytes: (end - start) * elementBytes(dtype) });
  }
  return pieces;
}
