/** Images cut into slices, against transformers: test/golden/minicpmv/images.json, made by make_images.py beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { gridOf, numPatches } from "./grid.js";
import { type SlicesProcessor, slicesProcessor } from "./image-processor.js";
import { withPixelBudget } from "./pixel-budget.js";
import { pixelsToImage } from "./pixels-to-image.js";
import { preprocess } from "./preprocess.js";
import type { RgbImage } from "./rgb-image.js";
import { batchesOf, sliceSizes, viewsOf } from "./slices.js";

interface Sizes {
  readonly size: [width: number, height: number];
  readonly maxSlices: number;
  readonly sideMultiple: 14 | 28 | 56;
  readonly grid: [rows: number, columns: number];
  /** [rows, columns] of the overview and, if there are any, of a slice, in pixels. */
  readonly views: [number, number][];
}
interface Picture extends Sizes {
  readonly scaleResolution: number;
  readonly values: string[];
}
const path = join(import.meta.dirname, "../../../../test/golden/minicpmv/images.json");
const { sizes, ties, pictures }: { sizes: Sizes[]; ties: Sizes[]; pictures: Picture[] } = JSON.parse(
  readFileSync(path, "utf8"),
);

const colours = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const imageProcessor: SlicesProcessor = {
  ...{ kind: "slices", maxSlices: 9, scaleResolution: 448, sideMultiple: 14, resample: "bicubic", patchSize: 14 },
  ...colours,
};

/** The formula of make_images.py. */
function picture([width, height]: readonly [number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      data[i++] = x * 5 + y;
      data[i++] = y * 7;
      data[i++] = x * y;
    }
  return { width, height, data };
}

describe("slices", () => {
  it("of 200 sizes, strips and single pixels among them, are exactly the reference's on sides of 14, 28 and 56", () => {
    expect(sizes).toHaveLength(200);
    for (const golden of [...sizes, ...ties]) {
      const { size, maxSlices, sideMultiple, grid, views } = golden;
      const found = sliceSizes({ width: size[0], height: size[1] }, { ...imageProcessor, maxSlices, sideMultiple });
      const { rows, columns } = found.slices ?? { rows: 0, columns: 0 };
      const sides = [found.overview, ...(found.slices ? [found.slices] : [])].map((view) => [view.height, view.width]);
      expect({ grid: [rows, columns], views: sides }, `${size} in ${maxSlices}`).toEqual({ grid, views });
    }
  });

  it.each(pictures)("have the reference's pixels, within 2/255: $size in $grid", (golden) => {
    const { size, sideMultiple, scaleResolution, maxSlices, grid, views, values } = golden;
    const own = { ...imageProcessor, sideMultiple, scaleResolution, maxSlices, patchSize: 1 };
    const pixels = preprocess(picture(size), own);
    const { grid: found } = pixels;
    expect([found.slices?.rows ?? 0, found.slices?.columns ?? 0]).toEqual(grid);
    expect(viewsOf(found).map(({ rows, columns }) => [rows, columns])).toEqual(views);
    const reference = Buffer.concat(values.map((view) => Buffer.from(view, "base64")));
    expect(pixels.data).toHaveLength(reference.length);
    const bytes = [...pixels.data].map((value) => Math.round((value + 1) * 127.5));
    expect(Math.max(...bytes.map((value, i) => Math.abs(value - reference[i]!)))).toBeLessThanOrEqual(2);
  });

  const side = fc.integer({ min: 1, max: 6000 });
  const sized = fc.tuple(side, side).filter(([w, h]) => Math.max(w, h) <= 200 * Math.min(w, h));

  it("are counted before they are made, and run in batches of one shape, none left out", () => {
    const small = fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 }));
    const cut = { ...imageProcessor, scaleResolution: 28, sideMultiple: 4, patchSize: 2 };
    fc.assert(
      fc.property(small, (size) => {
        const image = picture(size);
        const pixels = preprocess(image, cut);
        expect(gridOf(image, cut)).toEqual(pixels.grid);
        expect(pixels.shape).toEqual([numPatches(pixels.grid, cut), 12]);
        const batches = batchesOf(pixels);
        expect(batches.flatMap(({ data }) => [...data])).toEqual([...pixels.data]);
        for (const { shape, grid } of batches) expect(shape[0] % (grid.rows * grid.columns)).toBe(0);
        const modelView = pixelsToImage(pixels, cut);
        expect([modelView.height, modelView.width]).toEqual([2 * pixels.grid.rows, 2 * pixels.grid.columns]);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it("stay within a request's pixels, and are as the checkpoint says where these suffice", () => {
    fc.assert(
      fc.property(sized, fc.integer({ min: 1, max: 40 }), ([width, height], mostSlices) => {
        const area = Math.min(mostSlices * 448 ** 2 + 9, 2 ** 24);
        const budgeted = withPixelBudget(imageProcessor, { maxPixels: area }) as SlicesProcessor;
        const count = ({ slices }: ReturnType<typeof sliceSizes>) => (slices ? slices.rows * slices.columns : 1);
        const [usual, found] = [imageProcessor, budgeted].map((rules) => sliceSizes({ width, height }, rules));
        expect(count(found!)).toBeLessThanOrEqual(mostSlices);
        if (mostSlices >= imageProcessor.maxSlices) expect(found).toEqual(usual);
      }),
      { seed: 11 },
    );
  });

  it.each([
    [{ minPixels: 448 * 448 }, "unsupported", { field: "minPixels" }],
    [{ maxPixels: 448 }, "invalid_request", { field: "maxPixels", least: 448 * 448 }],
  ] as const)("refuse the budget %j", (budget, code, details) => {
    expect(() => withPixelBudget(imageProcessor, budget)).toThrow(ocellusError(code, details));
  });

  it("refuse a strip, whose overview alone would fill a context", () => {
    const refused = ocellusError("invalid_image", { width: 1, height: 201 });
    expect(() => gridOf({ width: 1, height: 201 }, imageProcessor)).toThrow(refused);
  });
});

describe("image processor configs of slices", () => {
  const target = {
    ...{ sideMultiple: 14, patchSize: 14, hasImageIds: true, numTokens: 64 },
    ...{ processors: ["MiniCPMVImageProcessor" as const], absent: {} },
  };
  const published = {
    ...{ image_processor_type: "MiniCPMVImageProcessor", feature_extractor_type: "MiniCPMVFeatureExtractor" },
    ...{ auto_map: {}, processor_class: "MiniCPMVProcessor", max_slice_nums: 9, scale_resolution: 448, patch_size: 14 },
    ...{ use_image_id: true, image_feature_size: 64, im_start: "<image>", im_end: "</image>", slice_start: "<slice>" },
    ...{ slice_end: "</slice>", unk: "<unk>", im_id_start: "<image_id>", im_id_end: "</image_id>", slice_mode: true },
    ...{ norm_mean: [0.5, 0.5, 0.5], norm_std: [0.5, 0.5, 0.5], version: 2.6 },
  };

  it("as published are what is done", () => {
    expect(slicesProcessor(published, target)).toEqual(imageProcessor);
    const coarse = { ...target, processors: ["MiniCPMV4_6ImageProcessor" as const], sideMultiple: 56 };
    const ofTransformers = {
      image_processor_type: "MiniCPMV4_6ImageProcessor",
      downsample_mode: "16x",
      do_resize: true,
    };
    expect(slicesProcessor(ofTransformers, coarse)).toEqual({ ...imageProcessor, sideMultiple: 56 });
    expect(slicesProcessor({ ...ofTransformers, slice_mode: false }, coarse).maxSlices).toBe(1);
  });

  it("of MiniCPM-OCR enlarge small images always, and are finer where they are silent", () => {
    const fine = { ...target, processors: ["MiniCPMOcrImageProcessor" as const], sideMultiple: 28 };
    const file = { image_processor_type: "MiniCPMOcrImageProcessor", small_image_upsize: "always" };
    expect(slicesProcessor(file, { ...fine, downsampling: "4x" })).toEqual({ ...imageProcessor, sideMultiple: 28 });
    for (const [change, problem] of [
      [{ downsample_mode: "16x" }, /^downsample_mode: expected 4x/],
      [{ small_image_upsize: "adaptive" }, /^small_image_upsize/],
      [{ image_feature_size: 64 }, /^image_feature_size/],
    ] as const) {
      const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
      expect(() => slicesProcessor({ ...file, ...change }, { ...fine, downsampling: "4x" })).toThrow(refused);
    }
  });

  it.each([
    [{ slice_mode: false }, /^slice_mode/],
    [{ patch_size: 16 }, /^patch_size: expected 14 .*16/],
    [{ use_image_id: false }, /^use_image_id: expected true/],
    [{ image_feature_size: 96 }, /^image_feature_size: expected 64/],
    [{ downsample_mode: "4x" }, /^downsample_mode/],
    [{ merge_size: 2 }, /^merge_size/],
    [{ max_pixels: 5000 }, /^max_pixels/],
    [{ slice_start: "<part>" }, /^slice_start/],
    [{ max_slice_nums: 0 }, /^max_slice_nums/],
    [{ size: { height: 448, width: 448 } }, /^size/],
    [{ image_processor_type: "CLIPImageProcessor" }, /^image_processor_type/],
  ])("with %j are refused by name", (change, problem) => {
    const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
    expect(() => slicesProcessor({ ...published, ...change }, target)).toThrow(refused);
  });
});
