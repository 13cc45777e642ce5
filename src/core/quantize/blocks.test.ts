import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { BlockFormat } from "../tensor/index.js";
import { dequantizeRows, quantizeRows } from "./blocks.js";
import { quantizationError } from "./error.js";

const format: fc.Arbitrary<BlockFormat> = fc.record({
  kind: fc.constantFrom("int8" as const, "int4" as const),
  blockSize: fc.constantFrom(32 as const, 64 as const, 128 as const),
});
const shapes = fc.record({ rows: fc.integer({ min: 1, max: 4 }), columns: fc.integer({ min: 1, max: 150 }), format });
const int4 = (zeroPoints = false) => ({ kind: "int4", blockSize: 32, zeroPoints }) as const;

/** Values between -7.1 and 7.1 times `reach`, unlike in size. */
const wave = (count: number, seed: number, shift = 0) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + seed) * ((i % 7) + 0.1) + shift);

const restored = (values: Float32Array, rows: number, columns: number, as: BlockFormat) =>
  dequantizeRows(quantizeRows(values, rows, columns, as), rows, columns, as);

const squares = (values: Float32Array, back: Float32Array) =>
  values.reduce((sum, v, i) => sum + (v - back[i]!) ** 2, 0);

describe("block quantisation", () => {
  it("gives each value the nearest code of its block", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.integer({ min: 0, max: 999 }),
        fc.boolean(),
        ({ rows, columns, format }, seed, zeroPoints) => {
          const as = format.kind === "int4" ? { ...format, zeroPoints } : format;
          const values = wave(rows * columns, seed, zeroPoints ? 2 : 0);
          const quantized = quantizeRows(values, rows, columns, as);
          const back = dequantizeRows(quantized, rows, columns, as);
          const blocks = Math.ceil(columns / as.blockSize);
          for (const [i, value] of values.entries()) {
            const at = Math.floor(i / columns) * blocks + Math.floor((i % columns) / as.blockSize);
            const step = Math.abs(quantized.scales[at]!);
            const cutOff = Math.abs(back[i]!) >= step * (as.kind === "int4" ? 6.99 : 126.9) || zeroPoints;
            const excess = Math.abs(value) - Math.abs(back[i]!);
            if (!cutOff) expect(Math.abs(value - back[i]!)).toBeLessThanOrEqual(step * 0.5001 + 1e-7);
            else expect(excess).toBeGreaterThanOrEqual(-step * 0.5001 - 1e-7); // only ever cut off, never stretched
          }
        },
      ),
      { seed: 3, numRuns: 80 },
    );
  });

  it("loses less by the searched scale than by keeping each extreme exactly", () => {
    let [searched, keeping] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const values = wave(32, seed);
      const scale = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) / -8;
      const kept = values.map((v) => Math.max(-8, Math.min(7, Math.round(v / scale))) * scale);
      searched += squares(values, restored(values, 1, 32, int4()));
      keeping += squares(values, kept);
    }
    expect(searched).toBeLessThan(0.95 * keeping);
  });

  it("loses much less with zero points where a block leans to one side", () => {
    const values = wave(3200, 5, 6);
    const [plain, leaning] = [false, true].map((zero) =>
      quantizationError(values, restored(values, 100, 32, int4(zero))),
    );
    expect(leaning!.rmse).toBeLessThan(plain!.rmse * 0.75);
  });

  it("lays codes out as MatMulNBits reads them: low nibble first, the last block filled with the zero point", () => {
    const { codes, scales } = quantizeRows(Float32Array.of(-8, 7, 1), 1, 3, int4());
    expect(scales[0]).toBeCloseTo(1, 6);
    expect([...codes]).toEqual([0xf0, 0x89, ...new Array<number>(14).fill(0x88)]);
    const bytes = quantizeRows(Float32Array.of(-128, 127, 1), 1, 3, { kind: "int8", blockSize: 32 }).codes;
    expect([...bytes.subarray(0, 4)]).toEqual([0, 255, 129, 128]);
  });

  it("lays zero points out likewise, a row beginning on a whole byte", () => {
    const values = new Float32Array(2 * 96);
    for (const [i, low] of [-3, 0, -15, -15, -3, 0].entries()) values.set([low, low + 15, low + 1], i * 32);
    const { codes, scales, zeroPoints } = quantizeRows(values, 2, 96, int4(true));
    expect([...zeroPoints!]).toEqual([0x03, 0x0f, 0x3f, 0x00]);
    for (const scale of scales) expect(scale).toBeCloseTo(1, 6);
    expect([...codes.subarray(0, 2)]).toEqual([0xf0, 0x31]);
  });

  it.each([int4(), int4(true), { kind: "int8", blockSize: 32 } as const])(
    "keeps a block of zeros as zeros in %o",
    (as) => {
      expect(restored(new Float32Array(32), 1, 32, as).every((value) => value === 0)).toBe(true);
    },
  );

  it("stays finite in a block so small that its scale is denormal", () => {
    const values = new Float32Array(32);
    values[0] = 11 * 2 ** -149;
    for (const as of [int4(), int4(true)]) expect(restored(values, 1, 32, as)[0]! / 2 ** -149).toBeCloseTo(11, -1);
  });

  it.each([Number.NaN, Infinity, -Infinity])("refuses %s, naming the tensor and the place", (bad) => {
    const values = new Float32Array(96);
    values[40] = bad;
    for (const as of [int4(), int4(true), { kind: "int8", blockSize: 32 } as const]) {
      expect(() => quantizeRows(values, 3, 32, as, { tensor: "mlp.w1.weight", firstRow: 100 })).toThrow(
        ocellusError("invalid_file", { tensor: "mlp.w1.weight", row: 101, column: 8, value: String(bad) }),
      );
    }
  });

  it("measures the error", () => {
    const error = quantizationError(Float32Array.of(3, 4), Float32Array.of(3, 3));
    expect(error.maxAbs).toBe(1);
    expect(error.relative).toBeCloseTo(0.2);
    expect(error.cosine).toBeCloseTo(21 / (5 * Math.sqrt(18)));
  });
});
