/**
 * bitsandbytes in 4 bits: `weight` u8 [count/2, 1] with the first code in the high nibble, `weight.absmax`,
 * `weight.quant_map`, and in `weight.quant_state.bitsandbytes__nf4` (or fp4) a JSON text; nested ones have
 * `weight.nested_absmax` and `weight.nested_quant_map`. [bitsandbytes, functional.py, QuantState.as_dict]
 */
import { z } from "zod";
import { OcellusError } from "../../base/index.js";
import { bytesOf, elementCount, type Nf4Format, type TensorSource } from "../../tensor/index.js";
import { nestedParts } from "../encode.js";
import { dequantizeNf4, type NestedScales, nestedBlockSize, nf4BlockSize, nf4Values, unnestScales } from "../nf4.js";
import { damaged, type ForeignMatrix, type LoadedMatrix, partInfo, readFloats, stemsOf } from "./matrix.js";

export const bitsandbytesSchema = z.object({ load_in_8bit: z.boolean().default(false) });

const stateSchema = z.object({
  quant_type: z.enum(["nf4", "fp4"]),
  /** bitsandbytes knows the powers of two from 32 to 4096. */
  blocksize: z.int().min(32).max(4096),
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  nested_blocksize: z.literal(nestedBlockSize).optional(),
  nested_offset: z.number().optional(),
});

type State = z.infer<typeof stateSchema>;

/** The text has about 170 characters. */
const maxStateBytes = 4096;

const stateSuffixes = ["nf4", "fp4"].map((type) => `.quant_state.bitsandbytes__${type}`);

export async function bitsandbytesMatrices(
  source: TensorSource,
  { load_in_8bit }: z.infer<typeof bitsandbytesSchema>,
): Promise<Map<string, ForeignMatrix>> {
  if (load_in_8bit) {
    throw new OcellusError(
      "unsupported",
      "config.json: bitsandbytes with 8 bits is not supported, only with 4 (nf4, fp4)",
    );
  }
  const matrices = new Map<string, ForeignMatrix>();
  for (const suffix of stateSuffixes) {
    for (const name of stemsOf(source, suffix)) matrices.set(name, await matrixOf(source, name, suffix));
  }
  return matrices;
}

async function matrixOf(source: TensorSource, name: string, suffix: string): Promise<ForeignMatrix> {
  const state = await readState(source, `${name}${suffix}`);
  const [rows, columns] = state.shape;
  const isNested = source.info(`${name}.nested_absmax`) !== undefined;
  const suffixes = ["", suffix, ".absmax", ".quant_map", ...(isNested ? [".nested_absmax", ".nested_quant_map"] : [])];
  const table = await readFloats(source, `${name}.quant_map`);
  if (table.length !== 16) throw damaged(`${name}.quant_map`, "16 values", String(table.length));
  const isOurs =
    state.blocksize === nf4BlockSize && columns % nf4BlockSize === 0 && table.every((v, i) => v === nf4Values[i]);
  const exact: Nf4Format = { kind: "nf4", blockSize: nf4BlockSize, nested: isNested };
  return {
    ...{ rows, columns, ...(isOurs && { exact }) },
    parts: suffixes.map((part) => `${name}${part}`),
    load: () => load(source, name, state, table, isNested),
  };
}

async function readState(source: TensorSource, name: string): Promise<State> {
  const size = elementCount(partInfo(source, name).shape);
  if (size > maxStateBytes) throw damaged(name, `at most ${maxStateBytes} bytes`, String(size));
  const text = new TextDecoder().decode((await source.read(name)).bytes);
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OcellusError("invalid_file", `tensor ${name} does not hold a quantisation state of two axes`, {
      details: { tensor: name, expected: "quantisation state" },
      cause,
    });
  }
}

async function load(source: TensorSource, name: string, state: State, table: Float32Array, isNested: boolean) {
  const [rows, columns] = state.shape;
  const count = rows * columns;
  const { bytes: codes } = await source.read(name);
  if (codes.length !== Math.ceil(count / 2)) throw damaged(name, `${Math.ceil(count / 2)} bytes`, String(codes.length));
  const numBlocks = Math.ceil(count / state.blocksize);
  const nested = isNested ? await readNested(source, name, numBlocks, state.nested_offset ?? 0) : undefined;
  const scales = nested ? unnestScales(nested, numBlocks) : await readFloats(source, `${name}.absmax`);
  if (scales.length !== numBlocks || !scales.every(Number.isFinite)) {
    throw damaged(`${name}.absmax`, `${numBlocks} finite scales`, `${scales.length}, or some not finite`);
  }
  const blocks = { codes, scales };
  const matrix: LoadedMatrix = {
    widen: (start, end) =>
      dequantizeNf4(blocks, { start: start * columns, end: end * columns, blockSize: state.blocksize, table }),
    stored: () => ({ values: codes, ...(nested ? nestedParts(nested) : { scales: bytesOf(scales) }) }),
  };
  return matrix;
}

async function readNested(
  source: TensorSource,
  name: string,
  numBlocks: number,
  offset: number,
): Promise<NestedScales> {
  const groups = Math.ceil(numBlocks / nestedBlockSize);
  const { bytes, dtype } = await source.read(`${name}.absmax`);
  const [scales, table] = [
    await readFloats(source, `${name}.nested_absmax`),
    await readFloats(source, `${name}.nested_quant_map`),
  ];
  const fits = dtype === "u8" && bytes.length === numBlocks && scales.length === groups && table.length === 256;
  if (!fits)
    throw damaged(
      `${name}.absmax`,
      `${numBlocks} u8 codes, ${groups} scales, 256 values`,
      `${bytes.length} ${dtype} codes, ${scales.length} scales, ${table.length} values`,
    );
  const codes = new Uint8Array(groups * nestedBlockSize);
  codes.set(bytes);
  return { codes, scales, table, offset: Math.fround(offset) };
}
