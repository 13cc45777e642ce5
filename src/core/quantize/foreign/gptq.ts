/**
 * GPTQ: qweight i32 [columns/8, rows] and qzeros i32 [groups, rows/8] (8 codes a word, or 4 of eight bits), scales
 * [groups, rows], g_idx i32 [columns]. Format "gptq" stores zeros less one, taken off word by word with the borrow, so that
 * it is added back to whole words; "gptq_v2" stores them as they are. [AutoGPTQ, qlinear_cuda.py; GPTQModel, utils/model.py]
 */
import { z } from "zod";
import type { TensorSource } from "../../tensor/index.js";
import { exactFormat, type GroupedCodes, loadedCodes } from "./grouped-codes.js";
import { damaged, type ForeignMatrix, partInfo, readFloats, readWords, stemsOf, twoSizes } from "./matrix.js";

export const gptqSchema = z.object({
  bits: z.union([z.literal(4), z.literal(8)]),
  /** -1: one group a row. A row of 2^24 columns would be 2,000 times the widest known. */
  group_size: z.union([
    z.literal(-1),
    z
      .int()
      .min(1)
      .max(2 ** 24),
  ]),
  sym: z.boolean().default(true),
  checkpoint_format: z.enum(["gptq", "gptq_v2"]).default("gptq"),
});

type Config = z.infer<typeof gptqSchema>;

export async function gptqMatrices(source: TensorSource, config: Config): Promise<Map<string, ForeignMatrix>> {
  const matrices = new Map<string, ForeignMatrix>();
  for (const stem of stemsOf(source, ".qweight")) matrices.set(`${stem}.weight`, await matrixOf(source, stem, config));
  return matrices;
}

async function matrixOf(source: TensorSource, stem: string, config: Config): Promise<ForeignMatrix> {
  const part = (name: string) => `${stem}.${name}`;
  const [words, rows] = twoSizes(partInfo(source, part("qweight")));
  const columns = (words * 32) / config.bits;
  const groupSize = config.group_size === -1 ? columns : config.group_size;
  const groupOf = source.info(part("g_idx")) && (await readGroups(source, part("g_idx"), columns, groupSize));
  const shape = { bits: config.bits, groupSize, columns };
  const exact = exactFormat(shape, { inOrder: groupOf === undefined, hasZeros: !config.sym });
  return {
    ...{ rows, columns, ...(exact && { exact }) },
    parts: ["qweight", "qzeros", "scales", ...(source.info(part("g_idx")) ? ["g_idx"] : [])].map(part),
    load: async () => {
      const [weights, scales, zeros] = [
        await readWords(source, part("qweight")),
        transposed(await readFloats(source, part("scales")), rows, part("scales")),
        await readZeros(source, part("qzeros"), rows, config),
      ];
      if (zeros.length !== scales.length) throw damaged(part("qzeros"), `${scales.length} zeros`, String(zeros.length));
      const unpack = (start: number, end: number) => unpackColumns(weights, rows, columns, config.bits, start, end);
      const codes: GroupedCodes = { name: stem, rows, ...shape, scales, zeros, ...(groupOf && { groupOf }), unpack };
      if (config.sym) expectSymmetric(codes);
      return loadedCodes(codes, exact);
    },
  };
}

/** Undefined when columns are in groups side by side, as without act-order. */
async function readGroups(source: TensorSource, name: string, columns: number, groupSize: number) {
  const groups = new Int32Array((await readWords(source, name)).buffer);
  if (groups.length !== columns) throw damaged(name, `${columns} groups`, String(groups.length));
  return groups.every((group, column) => group === Math.floor(column / groupSize)) ? undefined : groups;
}

/** [groups, rows] → [rows, groups] */
function transposed(values: Float32Array, rows: number, name: string): Float32Array {
  const groups = values.length / rows;
  if (!Number.isInteger(groups)) throw damaged(name, `whole groups of ${rows} rows`, `${values.length} scales`);
  return values.map((_, i) => values[(i % groups) * rows + Math.floor(i / groups)]!);
}

/** [rows, groups] */
async function readZeros(source: TensorSource, name: string, rows: number, { bits, checkpoint_format }: Config) {
  const [groups, width] = twoSizes(partInfo(source, name));
  const perWord = 32 / bits;
  if (width * perWord < rows) throw damaged(name, `zeros of ${rows} rows`, `${width} words a group`);
  const one = checkpoint_format === "gptq_v2" ? 0 : bits === 4 ? 0x11111111 : 0x01010101;
  const words = (await readWords(source, name)).map((word) => word + one);
  return Uint8Array.from({ length: rows * groups }, (_, i) => {
    const [row, group] = [Math.floor(i / groups), i % groups];
    return (words[group * width + Math.floor(row / perWord)]! >>> ((row % perWord) * bits)) & (2 ** bits - 1);
  });
}

/** Words [columns/perWord, rows] → codes [end − start, columns]. */
function unpackColumns(words: Uint32Array, rows: number, columns: number, bits: number, start: number, end: number) {
  const perWord = 32 / bits;
  const out = new Uint8Array((end - start) * columns);
  for (let k = 0; k < columns / perWord; k++) {
    for (let row = start; row < end; row++) {
      const word = words[k * rows + row]!;
      const at = (row - start) * columns + k * perWord;
      for (let i = 0; i < perWord; i++) out[at + i] = (word >>> (i * bits)) & (2 ** bits - 1);
    }
  }
  return out;
}

function expectSymmetric({ name, bits, zeros }: GroupedCodes): void {
  const wrong = zeros!.find((zero) => zero !== 2 ** (bits - 1));
  if (wrong === undefined) return;
  throw damaged(`${name}.qzeros`, `${2 ** (bits - 1)} everywhere, since config.json says "sym": true`, String(wrong));
}
