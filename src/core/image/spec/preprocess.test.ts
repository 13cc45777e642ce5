import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { type FitProcessor, fitProcessor } from "./image-processor.js";
import { fitBox, preprocess } from "./preprocess.js";
import { resize } from "./resize.js";
import type { RgbImage } from "./rgb-image.js";

interface Fixture {
  readonly resizes: { from: [number, number]; to: [number, number]; data: string }[];
}
const fixture: Fixture = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/pillow.json"), "utf8"));

const imageProcessor = {
  kind: "fit",
  width: 112,
  height: 112,
  patchSize: 14,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};
const defaults = imageProcessor as unknown as FitProcessor;

function solid(width: number, height: number, rgb: readonly number[]): RgbImage {
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => rgb[i % 3]!) };
}

/** The formula of fixtures/make-fixtures.py. */
function picture(width: number, height: number): RgbImage {
  const byte = (i: number) => {
    const block = Math.floor(i / 97) % 4;
    return block === 0 ? 0 : block === 1 ? 255 : Math.imul(i, 2654435761) >>> 24;
  };
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => byte(i)) };
}

describe("resize", () => {
  it.each(fixture.resizes)("equals Pillow bit for bit from $from to $to", ({ from, to, data }) => {
    expect(Buffer.from(resize(picture(...from), ...to).data).toString("base64")).toBe(data);
  });

  it("keeps a picture of one colour in that colour", () => {
    const side = fc.integer({ min: 1, max: 60 });
    const rgb = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(side, side, side, side, rgb, (width, height, toWidth, toHeight, colour) => {
        expect(resize(solid(width, height, colour), toWidth, toHeight)).toEqual(solid(toWidth, toHeight, colour));
      }),
      { seed: 1, numRuns: 50 },
    );
  });
});

describe("preprocess", () => {
  it("puts patches in raster order, and channel, y, x within a patch", () => {
    const image = picture(112, 112);
    const { data, shape, grid } = preprocess(image, defaults);
    expect([shape, grid]).toEqual([[64, 588], { rows: 8, columns: 8 }]);
    const at = (row: number, column: number, c: number) => image.data[(row * 112 + column) * 3 + c]! / 127.5 - 1;
    for (const [patch, c, y, x] of [
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [8, 2, 0, 3],
      [29, 1, 13, 5],
      [63, 2, 13, 13],
    ] as const) {
      const expected = at(Math.floor(patch / 8) * 14 + y, (patch % 8) * 14 + x, c);
      expect(data[patch * 588 + c * 196 + y * 14 + x]).toBeCloseTo(expected, 6);
    }
  });

  it("normalises each channel by its own mean and std, and leaves the padding 0", () => {
    const mean = [0.1, 0.2, 0.3] as const;
    const std = [0.5, 0.25, 0.2] as const;
    const { data } = preprocess(solid(50, 25, [255, 51, 0]), { ...(defaults as FitProcessor), mean, std });
    expect([data[0], data[587]]).toEqual([0, 0]);
    const inside = 28 * 588; // 112 × 56, in patch rows 2 to 5
    expect(data[inside]).toBeCloseTo((1 - 0.1) / 0.5, 6);
    expect(data[inside + 196]).toBeCloseTo(0, 6);
    expect(data[inside + 392]).toBeCloseTo(-0.3 / 0.2, 6);
  });

  it("lays out frames that are not square", () => {
    const { shape, grid } = preprocess(solid(10, 10, [0, 0, 0]), {
      ...(defaults as FitProcessor),
      width: 56,
      height: 28,
    });
    expect([shape, grid]).toEqual([[8, 588], { rows: 2, columns: 4 }]);
  });

  it("centres any size inside the frame, with its aspect kept to half a pixel", () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65_535 }));
    fc.assert(
      fc.property(side, side, (width, height) => {
        const box = fitBox({ width, height }, defaults);
        expect(Math.max(box.width, box.height)).toBe(112);
        expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(1);
        const exact = (112 * Math.min(width, height)) / Math.max(width, height);
        expect(Math.abs(Math.min(box.width, box.height) - exact)).toBeLessThanOrEqual(exact < 0.5 ? 1 : 0.5 + 1e-9);
        for (const rest of [112 - box.width - 2 * box.left, 112 - box.height - 2 * box.top])
          expect([0, 1]).toContain(rest);
      }),
      { seed: 2 },
    );
  });

  it.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
  ])("takes a picture of %i by %i pixels", (width, height) => {
    const { data } = preprocess(solid(width, height, [255, 255, 255]), defaults);
    const numWhite = data.filter((value) => value === 1).length;
    expect(numWhite).toBe(width === height ? 112 * 112 * 3 : 112 * 3);
  });

  it("refuses data that is not [height, width, 3]", () => {
    const rgba = { width: 2, height: 2, data: new Uint8Array(16) };
    expect(() => preprocess(rgba, defaults)).toThrow(ocellusError("invalid_image", { expected: 12, found: 16 }));
  });
});

describe("fitProcessor", () => {
  const target = { width: 112, height: 112, patchSize: 14, absent: { size: 112 } };

  it("is the family's where the file is absent, and takes mean and std from the file", () => {
    expect(fitProcessor(undefined, target)).toEqual(imageProcessor);
    const file = { size: 112, image_mean: [0.48, 0.46, 0.41], image_std: [0.27, 0.26, 0.28], resample: 3 };
    expect(fitProcessor(file, target)).toEqual({ ...imageProcessor, mean: file.image_mean, std: file.image_std });
  });

  it.each([
    [{ size: { width: 224, height: 224 } }, /^size: .*112.*224/],
    [{ size: 112, patch_size: 16 }, /^patch_size: .*14.*16/],
    [{ size: 112, resample: 2 }, /resample/],
    [{ size: 112, do_center_crop: true, crop_size: 112 }, /do_center_crop/],
    [{ size: 112, image_processor_type: "CLIPImageProcessor" }, /^image_processor_type: /],
  ])("refuses %j", (file, problem) => {
    expect(() => fitProcessor(file, target)).toThrow(
      ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] }),
    );
  });
});
