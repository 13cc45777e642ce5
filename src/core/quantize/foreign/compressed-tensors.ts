/**
 * compressed-tensors, the format "pack-quantized" (w4a16, w8a16): weight_packed i32 [rows, columns/8] of codes plus half
 * their range, weight_scale [rows, groups], weight_shape i64 [2], asymmetric ones weight_zero_point i32 [rows/8, groups]
 * packed along the rows, act-order ones weight_g_idx. [compressed-tensors, compressors/pack_quantized]
 * Bits, groups and symmetry are read off the tensors: config.json says them for patterns of names.
 */
import { z } from "zod";
import { OcellusError } from "../../base/index.js";
import type { TensorSource } from "../../tensor/index.js";
import { exactFormat, type GroupedCodes, loadedCodes } from "./grouped-codes.js";
import { damaged, type ForeignMatrix, partInfo, readFloats, readWords, stemsOf, twoSizes } from "./matrix.js";

export const compressedTensorsSchema = z.object({ format: z.string() });

export async function compressedMatrices(
  source: TensorSource,
  { format }: z.infer<typeof compressedTensorsSchema>,
): Promise<Map<string, ForeignMatrix>> {
  if (format !== "pack-quantized") {
    const found = JSON.stringify(format);
    throw new OcellusError(
      "unsupported",
      `config.json: compressed-tensors of format ${found} is not supported, only "pack-quantized" (w4a16, w8a16)`,
    );
  }
  const matrices = new Map<string, ForeignMatrix>();
  for (const stem of stemsOf(source, ".weight_packed")) matrices.set(`${stem}.weight`, await matrixOf(source, stem));
  return matrices;
}

async function matrixOf(source: TensorSource, stem: string): Promise<ForeignMatrix> {
  const part = (name: string) => `${stem}.weight_${name}`;
  const has = (name: string) => source.info(part(name)) !== undefined;
  const [rows, words] = twoSizes(partInfo(source, part("packed")));
  const { columns, bits } = await readShape(source, part("shape"), rows, words);
  const [, groups] = twoSizes(partInfo(source, part("scale")));
  const shape = { bits, groupSize: Math.ceil(columns / groups), columns };
  const exact = exactFormat(shape, { inOrder: !has("g_idx"), hasZeros: has("zero_point") });
  return {
    ...{ rows, columns, ...(exact && { exact }) },
    parts: ["packed", "scale", "shape", "zero_point", "g_idx"].filter(has).map(part),
    load: async () => {
      const packed = await readWords(source, part("packed"));
      const scales = await readFloats(source, part("scale"));
      if (scales.length !== rows * groups) throw damaged(part("scale"), `${rows * groups} scales`, `${scales.length}`);
      const zeros = has("zero_point") ? await readZeros(source, part("zero_point"), rows, groups, bits) : undefined;
      const groupOf = has("g_idx") ? new Int32Array((await readWords(source, part("g_idx"))).buffer) : undefined;
      if (groupOf && groupOf.length !== columns) throw damaged(part("g_idx"), `${columns}`, `${groupOf.length}`);
      const codes: GroupedCodes = {
        ...{ name: stem, rows, ...shape, scales, ...(zeros && { zeros }), ...(groupOf && { groupOf }) },
        unpack: (start, end) => unpack(packed, words, columns, bits, start, end),
      };
      return loadedCodes(codes, exact);
    },
  };
}

/** Columns, and how many bits a code takes, which the width of the packed rows then tells. */
async function readShape(source: TensorSource, name: string, rows: number, words: number) {
  const [statedRows, columns] = await readFloats(source, name);
  const bits = ([4, 8] as const).find((b) => Math.ceil((columns! * b) / 32) === words);
  if (statedRows === rows && columns !== undefined && bits) return { columns, bits };
  throw damaged(name, `[${rows}, columns] of 4 or 8 bits in ${words} words a row`, `[${statedRows}, ${columns}]`);
}

/** Words [rows, words] → codes [end − start, columns]. */
function unpack(packed: Uint32Array, words: number, columns: number, bits: number, start: number, end: number) {
  const perWord = 32 / bits;
  const out = new Uint8Array((end - start) * columns);
  for (let i = 0; i < out.length; i++) {
    const [row, column] = [start + Math.floor(i / columns), i % columns];
    const word = packed[row * words + Math.floor(column / perWord)]!;
    out[i] = (word >>> ((column % perWord) * bits)) & (2 ** bits - 1);
  }
  return out;
}

/** Words [rows/perWord, groups] → [rows, groups] */
async function readZeros(source: TensorSource, name: string, rows: number, groups: number, bits: number) {
  const perWord = 32 / bits;
  const words = await readWords(source, name);
  if (words.length !== Math.ceil(rows / perWord) * groups)
    throw damaged(name, `zeros of ${rows} rows`, `${words.length} words`);
  return Uint8Array.from({ length: rows * groups }, (_, i) => {
    const [row, group] = [Math.floor(i / groups), i % groups];
    return (words[Math.floor(row / perWord) * groups + group]! >>> ((row % perWord) * bits)) & (2 ** bits - 1);
  });
}
