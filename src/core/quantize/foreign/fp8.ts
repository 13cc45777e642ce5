/**
 * Block-scaled FP8: `weight` f8_e4m3 [rows, columns], `weight_scale_inv` f32 [ceil(rows/a), ceil(columns/b)]; a value is its
 * number times the scale of its a × b block. [transformers, integrations/finegrained_fp8.py; DeepSeek-V3, inference/kernel.py]
 * ONNX Runtime's CPU has no product for it: it is always widened.
 */

import { z } from "zod";
import { type TensorSource, toFloat32 } from "../../tensor/index.js";
import { damaged, type ForeignMatrix, type LoadedMatrix, partInfo, readFloats, stemsOf, twoSizes } from "./matrix.js";

/** Rows and columns of one block; published ones are 128 × 128. */
const blockSide = z
  .int()
  .min(1)
  .max(2 ** 24);

export const fp8Schema = z.object({ weight_block_size: z.tuple([blockSide, blockSide]) });

const suffix = "_scale_inv";

export function fp8Matrices(source: TensorSource, config: z.infer<typeof fp8Schema>): Map<string, ForeignMatrix> {
  return new Map(stemsOf(source, suffix).map((name) => [name, matrixOf(source, name, config.weight_block_size)]));
}

function matrixOf(source: TensorSource, name: string, [a, b]: readonly [number, number]): ForeignMatrix {
  const info = partInfo(source, name);
  const [rows, columns] = twoSizes(info);
  if (info.dtype !== "f8_e4m3") throw damaged(name, "f8_e4m3", info.dtype);
  const width = Math.ceil(columns / b);
  const load = async (): Promise<LoadedMatrix> => {
    const { bytes, dtype } = await source.read(name);
    const scales = await readFloats(source, `${name}${suffix}`);
    const count = Math.ceil(rows / a) * width;
    if (scales.length !== count) throw damaged(`${name}${suffix}`, `${count} scales`, String(scales.length));
    const wrong = scales.findIndex((scale) => !Number.isFinite(scale));
    if (wrong >= 0) throw damaged(`${name}${suffix}`, "finite scales", `${scales[wrong]} at ${wrong}`);
    const widen = (start: number, end: number) => {
      const values = toFloat32(bytes.subarray(start * columns, end * columns), dtype);
      for (let i = 0; i < values.length; i++) {
        const [row, column] = [start + Math.floor(i / columns), i % columns];
        values[i]! *= scales[Math.floor(row / a) * width + Math.floor(column / b)]!;
      }
      return values;
    };
    return { widen };
  };
  return { rows, columns, parts: [name, `${name}${suffix}`], load };
}
