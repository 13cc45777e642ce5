/**
 * AWQ, the layout "gemm": qweight i32 [columns, rows/8] and qzeros i32 [groups, rows/8], scales [groups, rows]; the eight
 * codes of a word belong to rows 0, 2, 4, 6, 1, 3, 5, 7. [AutoAWQ, modules/linear/gemm.py, utils/packing_utils.py]
 */
import { z } from "zod";
import { OcellusError } from "../../base/index.js";
import type { TensorSource } from "../../tensor/index.js";
import { exactFormat, type GroupedCodes, loadedCodes } from "./grouped-codes.js";
import { damaged, type ForeignMatrix, partInfo, readFloats, readWords, stemsOf, twoSizes } from "./matrix.js";

export const awqSchema = z.object({
  bits: z.literal(4),
  /** As for GPTQ. */
  group_size: z.union([
    z.literal(-1),
    z
      .int()
      .min(1)
      .max(2 ** 24),
  ]),
  version: z.string().default("gemm"),
});

type Config = z.infer<typeof awqSchema>;

/** Shift of the code of row r % 8 within its word. */
const shifts = [0, 16, 4, 20, 8, 24, 12, 28];

export function awqMatrices(source: TensorSource, config: Config): Map<string, ForeignMatrix> {
  if (config.version.toLowerCase() !== "gemm") {
    const found = JSON.stringify(config.version);
    throw new OcellusError("unsupported", `config.json: awq of version ${found} is not supported, only "gemm"`);
  }
  const stems = stemsOf(source, ".qweight");
  return new Map(stems.map((stem) => [`${stem}.weight`, matrixOf(source, stem, config)]));
}

function matrixOf(source: TensorSource, stem: string, config: Config): ForeignMatrix {
  const part = (name: string) => `${stem}.${name}`;
  const [columns, words] = twoSizes(partInfo(source, part("qweight")));
  const [rows, groupSize] = [words * 8, config.group_size === -1 ? columns : config.group_size];
  const shape = { bits: 4 as const, groupSize, columns };
  const exact = exactFormat(shape, { inOrder: true, hasZeros: true });
  return {
    ...{ rows, columns, ...(exact && { exact }) },
    parts: ["qweight", "qzeros", "scales"].map(part),
    load: async () => {
      const [weights, zeroWords] = [await readWords(source, part("qweight")), await readWords(source, part("qzeros"))];
      const groups = zeroWords.length / words;
      const scales = await readFloats(source, part("scales"));
      if (scales.length !== groups * rows) throw damaged(part("scales"), `${groups * rows} scales`, `${scales.length}`);
      const codes: GroupedCodes = {
        ...{ name: stem, rows, ...shape },
        scales: scales.map((_, i) => scales[(i % groups) * rows + Math.floor(i / groups)]!),
        zeros: unpackRows(zeroWords, words, groups, 0, rows),
        unpack: (start, end) => unpackRows(weights, words, columns, start, end),
      };
      return loadedCodes(codes, exact);
    },
  };
}

/** Words [count, rows/8] → codes [end − start, count]. */
function unpackRows(packed: Uint32Array, words: number, count: number, start: number, end: number): Uint8Array {
  const out = new Uint8Array((end - start) * count);
  for (let i = 0; i < count; i++) {
    for (let row = start; row < end; row++) {
      out[(row - start) * count + i] = (packed[i * words + (row >> 3)]! >>> shifts[row & 7]!) & 15;
    }
  }
  return out;
}
