import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectorInput, detectorSize, findText } from "./detect.js";

const side = fc.integer({ min: 1, max: 65_535 });

describe("the detector's size", () => {
  it("is a multiple of its strides and bounded, whatever the image's is", () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const size = detectorSize({ width, height });
        for (const each of [size.width, size.height]) {
          expect(each % 32).toBe(0);
          expect(each).toBeGreaterThanOrEqual(32);
          expect(each).toBeLessThanOrEqual(2016);
        }
      }),
    );
  });

  it("scales small images up and large ones down, and leaves others as they are", () => {
    expect(detectorSize({ width: 448, height: 172 })).toEqual({ width: 1920, height: 736 });
    expect(detectorSize({ width: 1600, height: 1216 })).toEqual({ width: 1600, height: 1216 });
    expect(detectorSize({ width: 8064, height: 6048 })).toEqual({ width: 2016, height: 1504 });
  });
});

describe("the detector's input", () => {
  it("is blue, green and red, by ImageNet's mean and deviation in that order", () => {
    const image = { width: 32, height: 32, data: Uint8Array.from({ length: 3072 }, (_, i) => [255, 51, 0][i % 3]!) };
    const values = detectorInput(image, { width: 32, height: 32 });
    const [blue, green, red] = [values[0], values[1024], values[2048]];
    expect(blue).toBeCloseTo(-0.485 / 0.229, 5);
    expect(green).toBeCloseTo((0.2 - 0.456) / 0.224, 5);
    expect(red).toBeCloseTo((1 - 0.406) / 0.225, 5);
  });
});

const size = { width: 96, height: 64 };

/** A map with boxes of that probability. */
function mapOf(boxes: readonly (readonly [left: number, top: number, right: number, bottom: number])[], value = 0.9) {
  const map = new Float32Array(size.width * size.height);
  for (const [left, top, right, bottom] of boxes)
    for (let y = top; y <= bottom; y++) map.fill(value, y * size.width + left, y * size.width + right + 1);
  return map;
}

describe("lines in a probability map", () => {
  it("are widened by what they were learned to be shrunk, and scaled to the image", () => {
    // 40 by 10: grown by 400 · 1.5 / 100 = 6 to each side, then twice as large.
    const found = findText(mapOf([[20, 20, 60, 30]]), size, { width: 192, height: 128 }, 10);
    expect(found).toEqual({
      isComplete: true,
      quads: [
        [
          [28, 28],
          [132, 28],
          [132, 72],
          [28, 72],
        ],
      ],
    });
  });

  it("are those that are certain and large enough", () => {
    expect(findText(mapOf([[20, 20, 60, 30]], 0.55), size, size, 10).quads).toEqual([]);
    expect(findText(mapOf([[20, 20, 60, 22]]), size, size, 10).quads).toEqual([]);
    expect(findText(mapOf([[20, 20, 60, 23]]), size, size, 10).quads).toHaveLength(1);
  });

  it("stay within the image", () => {
    const [quad] = findText(mapOf([[0, 0, 95, 12]]), size, size, 10).quads;
    for (const [x, y] of quad!) expect([x >= 0, x <= 95, y >= 0, y <= 63]).toEqual([true, true, true, true]);
  });

  it("are counted, and what is beyond the bound is said", () => {
    const boxes = [4, 24, 44].map((top) => [10, top, 80, top + 6] as const);
    expect(findText(mapOf(boxes), size, size, 3)).toMatchObject({ isComplete: true, quads: { length: 3 } });
    expect(findText(mapOf(boxes), size, size, 2)).toMatchObject({ isComplete: false, quads: { length: 2 } });
  });
});
