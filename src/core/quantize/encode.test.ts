import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { storedBytes, type WeightFormat } from "../tensor/index.js";
import { encodeRows, nestedParts, restoredRows } from "./encode.js";
import { quantizationError } from "./error.js";
import { nestScales } from "./nf4.js";

const formats: readonly WeightFormat[] = [
  { kind: "f32" },
  { kind: "f16" },
  { kind: "int8", blockSize: 128 },
  { kind: "nf4", blockSize: 64, nested: false },
  { kind: "nf4", blockSize: 64, nested: true },
  { kind: "int4", blockSize: 32, zeroPoints: true },
  { kind: "int4", blockSize: 32 },
  { kind: "int4", blockSize: 128 },
  { kind: "w8a8" },
];
const [rows, columns] = [64, 256];
/** Sums of twelve uniform numbers: close to normal. */
let state = 1;
const uniform = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const values = Float32Array.from({ length: rows * columns }, () => {
  return 0.02 * (Array.from({ length: 12 }, uniform).reduce((a, b) => a + b) - 6);
});

describe("weight formats", () => {
  it("lose what their bits allow, on normally distributed weights", () => {
    const errors = formats.map((format) => {
      return quantizationError(values, restoredRows({ values, rows, columns }, format)).relative;
    });
    const limits = [0, 3e-4, 0.008, 0.095, 0.095, 0.08, 0.085, 0.1, 0.008]; // the last digits are those of docs/benchmarks.md, rounded up
    for (const [i, error] of errors.entries())
      expect(error, JSON.stringify(formats[i])).toBeLessThanOrEqual(limits[i]!);
  });

  it("take as many bytes as they say", () => {
    for (const format of formats) {
      const { scales, ...parts } = encodeRows({ values, rows, columns }, format);
      const nested =
        format.kind === "nf4" && format.nested
          ? nestedParts(nestScales(new Float32Array(scales!.slice().buffer)))
          : { scales };
      const total = Object.values({ ...parts, ...nested }).reduce((sum, part) => sum + (part?.length ?? 0), 0);
      expect(storedBytes(format, rows, columns), JSON.stringify(format)).toBe(total);
    }
  });

  it("refuse what they cannot hold, naming tensor, row and column", () => {
    const origin = { tensor: "mlp.w1.weight", firstRow: 7 };
    for (const bad of [70000, Number.NaN]) {
      const error = ocellusError("invalid_file", { tensor: "mlp.w1.weight", row: 8, column: 3, value: String(bad) });
      const broken = new Float32Array(128);
      broken[67] = bad;
      const source = { values: broken, rows: 2, columns: 64, origin };
      expect(() => encodeRows(source, { kind: "f16" })).toThrow(error);
      if (Number.isNaN(bad)) for (const format of formats) expect(() => encodeRows(source, format)).toThrow(error);
      else expect([...encodeRows(source, { kind: "f32" }).values]).toEqual([...new Uint8Array(broken.buffer)]);
    }
  });
});
