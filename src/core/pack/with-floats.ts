/**
 * A packed model whose decoder multiplies by floats, widened from blocks while it is opened. ONNX Runtime's WebAssembly has no kernel for
 * products of blocks: it widens the whole matrix at every product, which takes fifteen times as long for a token as the product
 * itself (docs/decisions/0021-in-the-browser.md). The result names one file, in memory, that holds all that the graphs read.
 */
import { invariant } from "../base/index.js";
import type { Graph, Initializer } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import { dequantizeRows } from "../quantize/index.js";
import { type BlockFormat, byteLength, type TensorInfo, toFloat32 } from "../tensor/index.js";
import type { Packed } from "./packed.js";
import type { PackedFiles } from "./packed-files.js";
import { storedGraphs } from "./stored-graphs.js";

/** A whole file that graphs name as where their weights are. */
export interface WeightFile {
  readonly path: string;
  readonly data: Uint8Array;
}

/** A matrix in blocks: the names of its stored parts, and what they are. */
interface BlockMatrix {
  readonly values: string;
  readonly scales: string;
  readonly zeroPoints: string | undefined;
  readonly rows: number;
  readonly columns: number;
  readonly format: BlockFormat;
}

interface Placed {
  readonly info: TensorInfo;
  readonly offset: number;
}

/**
 * Weights of a decoder that are widened, at most: 800 MB, and as much again while ONNX Runtime lays them out for its products, in a
 * WebAssembly memory of 4 GB. What is larger keeps its blocks.
 */
const mostValues = 200e6;

/** Vector instructions read aligned memory fastest. */
const alignment = 64;
const fileName = "widened";

interface WithFloats<F extends AnyFamily> {
  readonly packed: Packed<F>;
  /** @param files of the packed model, whole; they are not read again. */
  readonly file: (files: readonly WeightFile[]) => WeightFile;
}

/** Undefined: nothing would change, or it would be too large. */
export function withFloats<F extends AnyFamily>(packed: Packed<F>, limit = mostValues): WithFloats<F> | undefined {
  const { decoder, ...others } = storedGraphs(packed);
  const matrices = new Map(blockMatrices(decoder!).map((matrix) => [floatName(matrix), matrix]));
  const numValues = [...matrices.values()].reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  if (numValues === 0 || numValues > limit) return undefined;
  const kept = keptTensors([decoder!, ...Object.values(others)], partNames(matrices.values()), packed.files);
  const placed = place([...kept, ...[...matrices].map(([name, matrix]) => floatInfo(name, matrix))]);
  return {
    packed: { ...packed, files: filesOver(packed.files, placed.tensors, partNames(matrices.values())) },
    file: (files) => {
      const data = new Uint8Array(placed.sizeBytes);
      const read = readerOf(packed.files, files);
      const offsetOf = (name: string) => placed.tensors.get(name)!.offset;
      for (const { name } of kept) data.set(read(name), offsetOf(name));
      for (const [name, matrix] of matrices) widen(matrix, read, data, offsetOf(name));
      return { path: fileName, data };
    },
  };
}

function blockMatrices({ nodes }: Graph): BlockMatrix[] {
  return nodes.flatMap(({ op, inputs: [, values, scales, zeroPoints], attributes }) => {
    if (op !== "MatMulNBits") return [];
    const { K, N, bits, block_size } = attributes as Record<"K" | "N" | "bits" | "block_size", number>;
    const format: BlockFormat = {
      kind: bits === 8 ? "int8" : "int4",
      blockSize: block_size as BlockFormat["blockSize"],
    };
    return [{ values: values!.name, scales: scales!.name, zeroPoints: zeroPoints?.name, rows: N, columns: K, format }];
  });
}

/** "mlp.up.weight.int4" → "mlp.up.weight" */
function floatName({ values }: BlockMatrix): string {
  return values.replace(/\.int[48]$/, "");
}

function floatInfo(name: string, { rows, columns }: BlockMatrix): TensorInfo {
  return { name, dtype: "f32", shape: [rows, columns] };
}

function partNames(matrices: Iterable<BlockMatrix>): Set<string> {
  return new Set([...matrices].flatMap(({ values, scales, zeroPoints }) => [values, scales, zeroPoints ?? []].flat()));
}

/** What graphs read and stays as it is. */
function keptTensors(graphs: readonly Graph[], gone: ReadonlySet<string>, files: PackedFiles): TensorInfo[] {
  const isStored = ({ source }: Initializer) => !("bytes" in source);
  const names = new Set(graphs.flatMap((graph) => graph.initializers.filter(isStored).map(({ value }) => value.name)));
  return [...names].filter((name) => !gone.has(name)).map((name) => files.info(name)!);
}

function place(infos: readonly TensorInfo[]) {
  let sizeBytes = 0;
  const tensors = new Map<string, Placed>();
  for (const info of infos) {
    tensors.set(info.name, { info, offset: sizeBytes });
    sizeBytes += Math.ceil(byteLength(info.dtype, info.shape) / alignment) * alignment;
  }
  return { tensors, sizeBytes };
}

/** The stored files, in which the matrices are floats. */
function filesOver(files: PackedFiles, placed: ReadonlyMap<string, Placed>, gone: ReadonlySet<string>): PackedFiles {
  const names = [...new Set([...files.names(), ...placed.keys()])].filter((name) => !gone.has(name));
  return {
    ...files,
    names: () => names,
    info: (name) => placed.get(name)?.info ?? files.info(name),
    locate: (name) => {
      const found = placed.get(name);
      return found ? { file: fileName, offset: found.offset } : files.locate(name);
    },
  };
}

type Read = (name: string) => Uint8Array;

function readerOf(files: PackedFiles, whole: readonly WeightFile[]): Read {
  const bytes = new Map(whole.map(({ path, data }) => [path, data]));
  return (name) => {
    const { file, offset } = files.locate(name);
    const { dtype, shape } = files.info(name)!;
    const data = bytes.get(file);
    invariant(data, `no bytes of ${file}`, { file });
    return data.subarray(offset, offset + byteLength(dtype, shape));
  };
}

function widen(
  { values, scales, zeroPoints, rows, columns, format }: BlockMatrix,
  read: Read,
  data: Uint8Array,
  offset: number,
): void {
  const stored = {
    codes: read(values),
    scales: toFloat32(read(scales), "f32"),
    ...(zeroPoints !== undefined && { zeroPoints: read(zeroPoints) }),
  };
  dequantizeRows(stored, rows, columns, format, new Float32Array(data.buffer as ArrayBuffer, offset, rows * columns));
}
