import { describe, expect, it } from "vitest";
import type { CenterCropProcessor, ImageProcessor } from "./image-processor.js";
import type { PixelValues } from "./pixel-values.js";
import { modelView, preprocess } from "./preprocess.js";
import { resizeColumnsFirst } from "./resize.js";
import type { RgbImage } from "./rgb-image.js";

const picture: RgbImage = {
  width: 90,
  height: 61,
  data: Uint8Array.from({ length: 90 * 61 * 3 }, (_, i) => (i * 7919) % 256),
};
const colours = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] } as const;
const imageProcessors: ImageProcessor[] = [
  { kind: "fit", width: 32, height: 32, patchSize: 8, ...colours },
  { kind: "center_crop", resize: { shortestEdge: 32 }, resample: "bicubic", side: 32, patchSize: 8, ...colours },
  { kind: "stretch", resample: "bilinear", width: 32, height: 24, patchSize: 8, ...colours },
  {
    ...{ kind: "smart_resize", patchSize: 8, mergeSize: 2, temporalPatchSize: 2 },
    ...{ minPixels: 256, maxPixels: 2048, ...colours },
  },
  {
    kind: "tiles",
    arrangement: { longestEdge: 64 },
    side: 16,
    splits: true,
    resample: "lanczos",
    patchSize: 8,
    ...colours,
  },
];

describe("what a model is shown of a picture", () => {
  it.each(imageProcessors)("is exactly what its pixel values are made of: $kind", (imageProcessor) => {
    const seen = modelView(picture, imageProcessor);
    expect(seen.data).toHaveLength(seen.width * seen.height * 3);
    const pixels = ({ own: _, ...values }: PixelValues) => values; // all but the size it came in
    expect(pixels(preprocess(seen, imageProcessor))).toEqual(pixels(preprocess(picture, imageProcessor)));
  });

  it("is the middle where the image processor crops: what lies outside changes nothing", () => {
    const imageProcessor = imageProcessors[1]!;
    const painted = { ...picture, data: picture.data.map((value, i) => (Math.floor(i / 3) % 90 < 4 ? 255 : value)) };
    expect(modelView(painted, imageProcessor)).toEqual(modelView(picture, imageProcessor));
    expect(modelView(painted, imageProcessors[0]!)).not.toEqual(modelView(picture, imageProcessors[0]!));
  });
});

describe("the middle of a picture", () => {
  it("is as it would be cut from the whole, whatever its form", () => {
    for (const [width, height] of [
      [90, 61],
      [33, 500],
      [7, 32],
      [32, 32],
    ] as const) {
      const imageProcessor = imageProcessors[1] as CenterCropProcessor;
      const image = {
        width,
        height,
        data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256),
      };
      const edge = Math.min(width, height);
      const whole = resizeColumnsFirst(image, Math.trunc((width * 32) / edge), Math.trunc((height * 32) / edge));
      const [left, top] = [Math.floor((whole.width - 32) / 2), Math.floor((whole.height - 32) / 2)];
      const rows = Array.from({ length: 32 }, (_, y) => {
        const from = ((top + y) * whole.width + left) * 3;
        return whole.data.subarray(from, from + 96);
      });
      expect(modelView(image, imageProcessor).data).toEqual(Uint8Array.from(rows.flatMap((row) => [...row])));
    }
  });

  it("is all that is made of a strip of 200 to 1", () => {
    const strip = { width: 20_000, height: 100, data: new Uint8Array(20_000 * 100 * 3) };
    const imageProcessor = {
      ...(imageProcessors[1] as CenterCropProcessor),
      resize: { shortestEdge: 4096 },
      side: 4096,
      patchSize: 4096,
    }; // 10 GB whole
    expect(modelView(strip, imageProcessor).data).toHaveLength(4096 * 4096 * 3);
  });
});
