import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, toBFloat16Bits, toFloat16Bits, toFloat32 } from "./convert.js";

const allBits16 = Uint16Array.from({ length: 65536 }, (_, i) => i);

describe("float conversion", () => {
  it("widens f16 to the IEEE values", () => {
    const bits = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00);
    const expected = [0, -0, 2 ** -24, (1023 / 1024) * 2 ** -14, 2 ** -14, 1, -2, 65504, Infinity];
    expect([...toFloat32(bytesOf(bits), "f16")]).toEqual(expected);
  });

  it("widens f8 formats to the values of the FP8 paper", () => {
    expect([...toFloat32(Uint8Array.of(0x7e, 0x01, 0x08, 0x38, 0xb8), "f8_e4m3")]).toEqual([
      448,
      2 ** -9,
      2 ** -6,
      1,
      -1,
    ]);
    expect(toFloat32(Uint8Array.of(0x7f), "f8_e4m3")[0]).toBeNaN();
    expect([...toFloat32(Uint8Array.of(0x7b, 0x01, 0x3c, 0x7c), "f8_e5m2")]).toEqual([57344, 2 ** -16, 1, Infinity]);
  });

  it.each([
    ["f16", toFloat16Bits, 0x7c00],
    ["bf16", toBFloat16Bits, 0x7f80],
  ] as const)("narrows every widened %s back to the same bits", (dtype, narrow, infinity) => {
    const back = narrow(toFloat32(bytesOf(allBits16), dtype));
    for (const bits of allBits16) if ((bits & 0x7fff) <= infinity) expect(back[bits]).toBe(bits);
  });

  it("rounds to the nearest of the two neighbours, ties to even", () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const [rounded] = toFloat32(bytesOf(toFloat16Bits(Float32Array.of(value))), "f16");
        const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10));
        expect(Math.abs(rounded! - value)).toBeLessThanOrEqual(step / 2);
      }),
      { seed: 1 },
    );
    expect(toFloat16Bits(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65520))).toEqual(
      Uint16Array.of(0x3c00, 0x3c02, 0x7c00),
    );
  });

  it("reads unaligned bytes", () => {
    const padded = new Uint8Array(9);
    padded.set(bytesOf(Float32Array.of(1.5, -2)), 1);
    expect([...toFloat32(padded.subarray(1), "f32")]).toEqual([1.5, -2]);
  });
});
