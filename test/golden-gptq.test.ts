/** Compensating rounding beside a reference in numpy: test/golden/gptq/make_golden.py. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { compensatedRows, dequantizeRows, ridgeOf, writeFactor } from "../src/core/quantize/index.js";
import { toFloat32 } from "../src/core/tensor/index.js";
import { repository } from "./support/folders.js";

it.each([
  ["symmetric", false],
  ["zero_points", true],
  ["targeted", true],
] as const)("gives the numbers that the reference gives: %s", async (name, zeroPoints) => {
  const file = await openCheckpoint(join(repository, "test/golden/gptq/fixture.safetensors"));
  const floats = async (tensor: string) => toFloat32((await file.read(tensor)).bytes, "f32").slice();
  const [values, expected] = [await floats("weights"), await floats(name)];
  const doubles = async (tensor: string) => new Float64Array((await file.read(tensor)).bytes.slice().buffer);
  const gram = await doubles("gram");
  const target = { cross: await doubles("cross"), more: await floats("more") };
  await file.close();
  const columns = Math.sqrt(gram.length);
  const span = {
    start: 0,
    columns,
    gram,
    factor: new Float64Array(gram.length),
    ridge: ridgeOf(gram, columns, Infinity),
    ...(name === "targeted" && { target }),
  };
  writeFactor(span);
  const [rows, format] = [values.length / columns, { kind: "int4", blockSize: 32, zeroPoints } as const];
  const found = dequantizeRows(compensatedRows({ values, rows, columns }, [span], format), rows, columns, format);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 6);
});
