/** Images within a number of patches, against transformers: test/golden/siglip2/images.json, made by make_golden.py beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { gridOf } from "./grid.js";
import { type PatchBudgetProcessor, patchBudgetProcessor } from "./image-processor.js";
import { patchBudgetSize } from "./patch-budget.js";
import { modelView, preprocess } from "./preprocess.js";

interface Golden {
  readonly sizes: { size: [number, number]; patchSize: number; maxPatches: number; fitted: [number, number] }[];
  readonly pictures: { size: [number, number]; grid: [number, number]; pixels: string }[];
}
const path = join(import.meta.dirname, "../../../../test/golden/siglip2/images.json");
const { sizes, pictures }: Golden = JSON.parse(readFileSync(path, "utf8"));
const imageProcessor: PatchBudgetProcessor = {
  ...{ kind: "patch_budget", maxPatches: 12, patchSize: 8, resample: "bilinear" },
  ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};

/** The formula of make_golden.py. */
function picture([width, height]: readonly [number, number]) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return [x * 5 + y, y * 7, x * y][i % 3]!;
  });
  return { width, height, data };
}

describe("a budget of patches", () => {
  it("brings 200 sizes, strips and single pixels among them, to exactly the reference's", () => {
    expect(sizes).toHaveLength(200);
    for (const { size, fitted, ...rule } of sizes) {
      const { width, height } = patchBudgetSize({ width: size[0], height: size[1] }, rule);
      expect([width, height], JSON.stringify({ size, ...rule })).toEqual(fitted);
    }
  });

  it.each(pictures)(
    "gives the reference's pixels, within 2/255, of $size in $grid patches",
    ({ size, grid, pixels }) => {
      const image = picture(size);
      const reference = Buffer.from(pixels, "base64");
      const shown = modelView(image, imageProcessor);
      expect([shown.height / 8, shown.width / 8]).toEqual(grid);
      expect(Math.max(...shown.data.map((byte, i) => Math.abs(byte - reference[i]!)))).toBeLessThanOrEqual(2);
      const values = preprocess(image, imageProcessor);
      expect(values.shape).toEqual([grid[0] * grid[1], 192]);
      expect(values.data[64 + 9]).toBeCloseTo(shown.data[(shown.width + 1) * 3 + 1]! / 127.5 - 1, 6); // green at (1, 1)
      expect(gridOf(image, imageProcessor)).toEqual(values.grid);
    },
  );

  it("is kept by any image of which each side has a patch", () => {
    const side = fc.integer({ min: 1, max: 30_000 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 1024 }), (width, height, maxPatches) => {
        const { rows, columns } = gridOf({ width, height }, { ...imageProcessor, maxPatches });
        expect(rows * columns).toBeLessThanOrEqual(maxPatches);
        expect(Math.min(rows, columns)).toBeGreaterThanOrEqual(1);
      }),
      { seed: 3 },
    );
  });

  const published = {
    ...{ data_format: "channels_first", default_to_square: true, do_convert_rgb: null, do_normalize: true },
    ...{ do_rescale: true, do_resize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
    ...{ image_processor_type: "Siglip2ImageProcessor", max_num_patches: 256, patch_size: 16, resample: 2 },
    ...{ processor_class: "Siglip2Processor", rescale_factor: 1 / 255 },
  };

  it("is what the published config says, or the class", () => {
    const expected = { ...imageProcessor, maxPatches: 256, patchSize: 16 };
    expect(patchBudgetProcessor(published, { patchSize: 16 })).toEqual(expected);
    expect(patchBudgetProcessor({}, { patchSize: 16 })).toEqual(expected);
    expect(patchBudgetProcessor(undefined, { patchSize: 14 })).toEqual({ ...expected, patchSize: 14 });
  });

  it.each([
    [{ patch_size: 14 }, /^patch_size/],
    [{ max_num_patches: 0 }, /^max_num_patches/],
    [{ max_num_patches: 5000 }, /^max_num_patches/],
    [{ max_patches: 12 }, /^max_patches/],
    [{ do_center_crop: true, crop_size: 16 }, /^do_center_crop/],
    [{ image_processor_type: "SiglipImageProcessor" }, /^image_processor_type/],
  ])("is refused by name with %j", (change, problem) => {
    const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
    expect(() => patchBudgetProcessor({ ...published, ...change }, { patchSize: 16 })).toThrow(refused);
  });
});
