import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dequantizeRows, quantizationError, quantizeRows } from "./index.js";

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 4 }),
  columns: fc.integer({ min: 1, max: 150 }),
  format: fc.constantFrom("int8" as const, "int4" as const),
  blockSize: fc.constantFrom(32 as const, 64 as const, 128 as const),
});

describe("block quantisation", () => {
  it("restores every value within half a step, or one step at the missing top code", () => {
    fc.assert(
      fc.property(shapes, fc.integer(), ({ rows, columns, format, blockSize }, seed) => {
        const values = Float32Array.from(
          { length: rows * columns },
          (_, i) => Math.sin(i * 12.9898 + (seed % 1000)) * ((i % 7) + 0.1),
        );
        const quantized = quantizeRows(values, rows, columns, format, blockSize);
        const restored = dequantizeRows(quantized, rows, columns, format, blockSize);
        const blocks = Math.ceil(columns / blockSize);
        for (const [i, value] of values.entries()) {
          const scale = Math.abs(
            quantized.scales[Math.floor(i / columns) * blocks + Math.floor((i % columns) / blockSize)]!,
          );
          const top = Math.abs(value) > scale * ((format === "int4" ? 8 : 128) - 1);
          expect(Math.abs(value - restored[i]!)).toBeLessThanOrEqual(scale * (top ? 1 : 0.5) * 1.0001 + 1e-7);
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it("keeps the extreme value of each block exactly, whatever its sign", () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? -4 : i === 40 ? 6 : i / 100));
    const restored = dequantizeRows(quantizeRows(values, 1, 64, "int4", 32), 1, 64, "int4", 32);
    expect([restored[5], restored[40]]).toEqual([-4, 6]);
  });

  it("lays codes out as MatMulNBits reads them: low nibble first, the last block filled with the zero point", () => {
    const { codes, scales } = quantizeRows(Float32Array.of(-8, 7, 1), 1, 3, "int4", 32);
    expect(scales).toEqual(Float32Array.of(1));
    expect([...codes]).toEqual([0xf0, 0x89, ...new Array<number>(14).fill(0x88)]);
    const bytes = quantizeRows(Float32Array.of(-128, 127, 1), 1, 3, "int8", 32).codes;
    expect([...bytes.subarray(0, 4)]).toEqual([0, 255, 129, 128]);
  });

  it("keeps a block of zeros as zeros", () => {
    const restored = dequantizeRows(quantizeRows(new Float32Array(32), 1, 32, "int8", 32), 1, 32, "int8", 32);
    expect([...restored]).toEqual(new Array<number>(32).fill(0));
  });

  it("keeps neighbours apart in a block so small that its scale is denormal and rounds", () => {
    const values = new Float32Array(32);
    values[0] = 11 * 2 ** -149; // scale 1.375 units rounds to 1: 11 steps, of which int4 has 8
    const restored = dequantizeRows(quantizeRows(values, 1, 32, "int4", 32), 1, 32, "int4", 32);
    expect(restored[0]).toBe(8 * 2 ** -149);
    expect(Math.abs(restored[1]!)).toBe(0);
  });

  it.each([Number.NaN, Infinity])("refuses %s, naming the row", (bad) => {
    const values = new Float32Array(96);
    values[40] = bad;
    expect(() => quantizeRows(values, 3, 32, "int4", 32)).toThrow("row 1 holds NaN or infinity");
  });

  it("measures the error", () => {
    const error = quantizationError(Float32Array.of(3, 4), Float32Array.of(3, 3));
    expect(error.maxAbs).toBe(1);
    expect(error.relative).toBeCloseTo(0.2);
    expect(error.cosine).toBeCloseTo(21 / (5 * Math.sqrt(18)));
  });
});
