/** Coordinates brought back to the image: through the frame that smart_resize makes of any size, and through EXIF's eight turns. */
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { gridOf } from "./grid.js";
import type { SmartResizeProcessor } from "./image-processor.js";
import { boxAround, imagePoint, storedPoint, uprightSize } from "./places.js";

const size = fc.record({ width: fc.integer({ min: 28, max: 4000 }), height: fc.integer({ min: 28, max: 4000 }) });
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Qwen2.5-VL's own, with its published budget. */
const processor: SmartResizeProcessor = {
  ...{
    kind: "smart_resize",
    patchSize: 14,
    mergeSize: 2,
    temporalPatchSize: 2,
    minPixels: 3136,
    maxPixels: 12_845_056,
  },
  ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};

describe("a point of the image", () => {
  it("comes back within half a pixel of the grain it was written in, for 200 sizes", () => {
    fc.assert(
      fc.property(
        size.filter(({ width, height }) => Math.max(width / height, height / width) < 100),
        share,
        share,
        (image, right, down) => {
          const { rows, columns } = gridOf(image, processor);
          const scaled = { width: columns * processor.patchSize, height: rows * processor.patchSize };
          const [x, y] = [right * image.width, down * image.height];
          for (const [unit, frame] of [
            ["scaled_pixels", scaled],
            ["thousandths", { width: 1000, height: 1000 }],
          ] as const) {
            const written = [
              Math.round((x / image.width) * frame.width),
              Math.round((y / image.height) * frame.height),
            ] as const;
            const [foundX, foundY] = imagePoint(written, unit, scaled, image);
            expect(Math.abs(foundX - x)).toBeLessThanOrEqual((0.5 * image.width) / frame.width + 1e-9);
            expect(Math.abs(foundY - y)).toBeLessThanOrEqual((0.5 * image.height) / frame.height + 1e-9);
          }
        },
      ),
      { seed: 31, numRuns: 200 },
    );
  });

  it("stays within the image, whatever the model wrote", () => {
    expect(imagePoint([1200, -5], "thousandths", { width: 1, height: 1 }, { width: 50, height: 40 })).toEqual([50, 0]);
  });
});

describe("a box", () => {
  it("has its corners in order", () => {
    expect(
      boxAround([
        [30, 5],
        [10, 40],
      ]),
    ).toEqual([10, 5, 30, 40]);
  });
});

describe("the rows of a file", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("of orientation %i are where sharp has turned them from", async (orientation) => {
    const stored = { width: 7, height: 5 };
    const mark = [5, 1] as const;
    const data = Buffer.alloc(stored.width * stored.height * 3);
    data[(mark[1] * stored.width + mark[0]) * 3] = 255;
    const file = await sharp(data, { raw: { ...stored, channels: 3 } })
      .png()
      .withMetadata({ orientation })
      .toBuffer();
    const { data: shown, info } = await sharp(file).autoOrient().raw().toBuffer({ resolveWithObject: true });
    const at = shown.findIndex((value, i) => i % 3 === 0 && value > 200) / 3;
    const upright = uprightSize(stored, orientation);
    expect({ width: info.width, height: info.height }).toEqual(upright);
    const middle = [(at % info.width) + 0.5, Math.floor(at / info.width) + 0.5] as const;
    expect(storedPoint(middle, upright, orientation)).toEqual([mark[0] + 0.5, mark[1] + 0.5]);
  });
});
