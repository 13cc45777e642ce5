/**
 * What GPTQ, AWQ and compressed-tensors have in common once unpacked: value = (code − zero) · scale, with a scale and a
 * zero for each row and group of columns. Where groups lie side by side this is our own block format, code for code.
 */
import { type BlockFormat, type BlockSize, bytesOf } from "../../tensor/index.js";
import { damaged, type LoadedMatrix, type StoredParts } from "./matrix.js";

export interface GroupedCodes {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly groupSize: number;
  /** [rows, groups] */
  readonly scales: Float32Array;
  /** [rows, groups]; absent: half the codes everywhere. */
  readonly zeros?: Uint8Array;
  /** The group of each column, where they do not lie side by side. */
  readonly groupOf?: Int32Array;
  /** Codes [end − start, columns]. */
  unpack(start: number, end: number): Uint8Array;
}

/**
 * The format that takes the codes as they are: groups wider than our blocks repeat their scale. None for groups that are
 * out of order or no whole blocks, nor for eight bits with zero points.
 */
export function exactFormat(
  { bits, groupSize, columns }: Pick<GroupedCodes, "bits" | "groupSize" | "columns">,
  { inOrder, hasZeros }: { inOrder: boolean; hasZeros: boolean },
): BlockFormat | undefined {
  const blockSize = ([128, 64, 32] as BlockSize[]).find((size) => groupSize >= columns || groupSize % size === 0);
  if (!blockSize || !inOrder || (bits === 8 && hasZeros)) return undefined;
  return { kind: bits === 8 ? "int8" : "int4", blockSize, ...(hasZeros && { zeroPoints: true }) };
}

/** @throws `invalid_file` when a scale is not finite, a group does not exist, or a symmetric matrix has other zeros. */
export function loadedCodes(codes: GroupedCodes, exact: BlockFormat | undefined): LoadedMatrix {
  const { name, rows, columns, scales, groupOf } = codes;
  const groups = scales.length / rows;
  const wrongScale = scales.findIndex((scale) => !Number.isFinite(scale));
  if (wrongScale >= 0) throw damaged(`${name} (its scales)`, "numbers", String(scales[wrongScale]));
  const wrongGroup = groupOf?.findIndex((group) => group < 0 || group >= groups) ?? -1;
  if (wrongGroup >= 0) throw damaged(`${name} (its g_idx)`, `groups below ${groups}`, String(groupOf![wrongGroup]));
  if (columns > groups * codes.groupSize)
    throw damaged(`${name} (its scales)`, `scales for ${columns} columns`, `${groups} groups of ${codes.groupSize}`);
  return {
    widen: (start, end) => widen(codes, start, end),
    ...(exact && { stored: () => storedBlocks(codes, exact) }),
  };
}

function widen(codes: GroupedCodes, start: number, end: number): Float32Array {
  const { rows, columns, bits, groupSize, scales, zeros, groupOf } = codes;
  const groups = scales.length / rows;
  const values = codes.unpack(start, end);
  const out = new Float32Array(values.length);
  for (let row = start; row < end; row++) {
    const at = (row - start) * columns;
    for (let column = 0; column < columns; column++) {
      const group = row * groups + (groupOf ? groupOf[column]! : Math.floor(column / groupSize));
      const zero = zeros ? zeros[group]! : 2 ** (bits - 1);
      out[at + column] = (values[at + column]! - zero) * scales[group]!;
    }
  }
  return out;
}

function storedBlocks(codes: GroupedCodes, { blockSize, zeroPoints }: BlockFormat): StoredParts {
  const { rows, columns, bits, groupSize, scales } = codes;
  const [blocks, groups] = [Math.ceil(columns / blockSize), scales.length / rows];
  const blockScales = new Float32Array(rows * blocks);
  const blockZeros = new Uint8Array(rows * blocks);
  for (let i = 0; i < blockScales.length; i++) {
    const group = Math.floor(i / blocks) * groups + Math.floor(((i % blocks) * blockSize) / groupSize);
    blockScales[i] = scales[group]!;
    blockZeros[i] = codes.zeros ? codes.zeros[group]! : 2 ** (bits - 1);
  }
  const padded = padRows(codes.unpack(0, rows), columns, blocks * blockSize, blockZeros, blocks);
  return {
    values: bits === 8 ? padded : packNibbles(padded, padded.length),
    scales: bytesOf(blockScales),
    ...(zeroPoints && { zero_points: packNibbles(blockZeros, blocks) }),
  };
}

/** Rows filled up to whole blocks with the last block's zero. */
function padRows(codes: Uint8Array, columns: number, width: number, zeros: Uint8Array, blocks: number): Uint8Array {
  if (width === columns) return codes;
  const rows = codes.length / columns;
  const out = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) {
    out.set(codes.subarray(row * columns, (row + 1) * columns), row * width);
    out.fill(zeros[(row + 1) * blocks - 1]!, row * width + columns, (row + 1) * width);
  }
  return out;
}

/** Two codes a byte, the first in the low nibble; every run of `length` codes begins a new byte. */
function packNibbles(codes: Uint8Array, length: number): Uint8Array {
  const bytes = Math.ceil(length / 2);
  const out = new Uint8Array((codes.length / length) * bytes);
  for (let i = 0; i < codes.length; i++) {
    const [run, place] = [Math.floor(i / length), i % length];
    out[run * bytes + (place >> 1)]! |= codes[i]! << (place % 2 === 0 ? 0 : 4);
  }
  return out;
}
