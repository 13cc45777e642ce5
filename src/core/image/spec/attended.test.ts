/** The tile that is looked at most, whatever the padding, and boxes with what is around them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attendedTile, widened } from "./attended.js";

const whole = { rows: 8, columns: 8, area: { left: 0, top: 0, width: 8, height: 8 } };
const at = (...patches: (readonly [row: number, column: number])[]) => {
  const weights = new Float32Array(64);
  for (const [row, column] of patches) weights[row * 8 + column] = 1;
  return weights;
};

describe("the tile", () => {
  it("is where the weights are", () => {
    const tile = (weights: Float32Array) => attendedTile({ ...whole, weights }, { width: 800, height: 400 });
    expect(tile(at([0, 0], [1, 1]))).toEqual([0, 0, 400, 200]);
    expect(tile(at([7, 7], [6, 6]))).toEqual([400, 200, 800, 400]);
    expect(tile(at([3, 4], [4, 3]))).toEqual([200, 100, 600, 300]);
  });

  it("is the middle where nothing is looked at more", () => {
    const image = { width: 80, height: 80 };
    expect(attendedTile({ ...whole, weights: new Float32Array(64).fill(1) }, image)).toEqual([20, 20, 60, 60]);
  });

  it("does not count what is looked at in the padding", () => {
    const area = { left: 0, top: 2, width: 8, height: 4 };
    const weights = at([0, 0], [0, 1], [1, 0], [7, 7], [5, 7]);
    expect(attendedTile({ ...whole, area, weights }, { width: 80, height: 40 })).toEqual([40, 20, 80, 40]);
  });
});

it("a widened box holds the box and stays within the image", () => {
  const side = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(side, side), fc.tuple(side, side), ([a, b], [c, d]) => {
      const image = { width: 640, height: 480 };
      const [left, right] = [Math.min(a, b) * 640, Math.max(a, b) * 640];
      const [top, bottom] = [Math.min(c, d) * 480, Math.max(c, d) * 480];
      const [l, t, r, e] = widened([left, top, right, bottom], image);
      expect(l >= 0 && t >= 0 && r <= 640 && e <= 480 && l <= left && t <= top && r >= right && e >= bottom).toBe(true);
      expect(r - l).toBeGreaterThanOrEqual(40);
    }),
  );
});
