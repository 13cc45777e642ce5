/** Against transformers: images.json of test/golden/qwen3_vl, qwen2_vl and paddleocr_vl, made by make_images.py beside them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import type { SmartResizeProcessor } from "./image-processor.js";
import { preprocess } from "./preprocess.js";
import type { RgbImage } from "./rgb-image.js";
import { smartSize } from "./smart-size.js";

interface Golden {
  readonly grids: { size: [number, number]; minPixels: number; maxPixels: number; fitted: [number, number] }[];
  readonly pictures: { size: [number, number]; grid: [number, number, number]; rows: string }[];
}
const goldenOf = (family: string): Golden =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../../../test/golden/${family}/images.json`), "utf8"));

const imageProcessor: SmartResizeProcessor = {
  kind: "smart_resize",
  patchSize: 16,
  mergeSize: 2,
  temporalPatchSize: 2,
  minPixels: 32 * 32,
  maxPixels: 96 * 96,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};
const ofQwen2: SmartResizeProcessor = {
  ...{ ...imageProcessor, patchSize: 14, minPixels: 28 * 28, maxPixels: 84 * 84 },
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

const ofPaddleOcr: SmartResizeProcessor = { ...ofQwen2, temporalPatchSize: 1, scalesUp: true };

/** The formula of make_images.py. */
function picture([width, height]: readonly [number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[i++] = x * 5 + y;
      data[i++] = y * 7;
      data[i++] = x * y;
    }
  }
  return { width, height, data };
}

describe.each([
  ["qwen3_vl", imageProcessor],
  ["qwen2_vl", ofQwen2],
  ["paddleocr_vl", ofPaddleOcr],
] as const)("smart resize of %s", (family, imageProcessor) => {
  const { grids, pictures } = goldenOf(family);

  it("fits 200 sizes to exactly the reference's", () => {
    expect(grids).toHaveLength(200);
    for (const { size, minPixels, maxPixels, fitted } of grids) {
      const { width, height } = smartSize(
        { width: size[0], height: size[1] },
        { ...imageProcessor, minPixels, maxPixels },
      );
      expect([width, height], `${size[0]} by ${size[1]}`).toEqual(fitted);
    }
  });

  it.each(pictures)("gives the reference's rows of patches, within 2/255, for $size", ({ size, grid, rows }) => {
    const values = preprocess(picture(size), imageProcessor);
    expect([1, values.grid.rows, values.grid.columns]).toEqual(grid);
    const reference = Buffer.from(rows, "base64");
    expect(values.data).toHaveLength(reference.length);
    let largest = 0;
    for (const [i, value] of values.data.entries()) {
      const c = Math.floor((3 * (i % values.shape[1])) / values.shape[1]);
      const byte = Math.round(255 * (value * imageProcessor.std[c]! + imageProcessor.mean[c]!));
      largest = Math.max(largest, Math.abs(byte - reference[i]!));
    }
    expect(largest).toBeLessThanOrEqual(2);
  });

  it("refuses a strip, as the reference does", () => {
    expect(() => smartSize({ width: 2010, height: 10 }, imageProcessor)).toThrow(
      ocellusError("invalid_image", { width: 2010, height: 10, maxAspect: 200 }),
    );
  });
});
