/** Images in quarters, against transformers: test/golden/idefics2/images.json, made by make_golden.py beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { gridOf, numPatches } from "./grid.js";
import { type QuartersProcessor, quartersProcessor } from "./image-processor.js";
import { withPixelBudget } from "./pixel-budget.js";
import { pixelsToImage } from "./pixels-to-image.js";
import { modelView, preprocess } from "./preprocess.js";
import { viewBoxes, viewSize, withinBudget } from "./quarters.js";
import type { RgbImage } from "./rgb-image.js";
import { batchesOf } from "./slices.js";

interface Golden {
  readonly size: [width: number, height: number];
  readonly edges: [shortest: number, longest: number];
  readonly splits: boolean;
  /** [height, width] of each. */
  readonly views: [number, number][];
}
const path = join(import.meta.dirname, "../../../../test/golden/idefics2/images.json");
const { sizes, pictures }: { sizes: Golden[]; pictures: (Golden & { readonly values: string[] })[] } = JSON.parse(
  readFileSync(path, "utf8"),
);

const colours = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const processor: QuartersProcessor = {
  ...{ kind: "quarters", splits: true, shortestEdge: 378, longestEdge: 980, resample: "bilinear", patchSize: 14 },
  ...colours,
};
const asIn = ({ edges: [shortestEdge, longestEdge], splits }: Golden) => ({
  ...processor,
  shortestEdge,
  longestEdge,
  splits,
});

/** The formula of make_golden.py. */
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

describe("quarters", () => {
  it("and wholes of 200 sizes are brought to exactly the reference's", () => {
    expect(sizes).toHaveLength(200);
    for (const golden of sizes) {
      const [width, height] = golden.size;
      const views = viewBoxes({ width, height }, asIn(golden)).map((box) => viewSize(box, asIn(golden)));
      expect(
        views.map((view) => [view.height, view.width]),
        `${golden.size}`,
      ).toEqual(golden.views);
    }
  });

  it.each(pictures)("have the reference's pixels, within 2/255: $size, $edges", (golden) => {
    const { data, grid } = preprocess(picture(golden.size), { ...asIn(golden), patchSize: 1 });
    expect([...(grid.quarters ?? []), grid].map(({ rows, columns }) => [rows, columns])).toEqual(golden.views);
    const reference = Buffer.concat(golden.values.map((view) => Buffer.from(view, "base64")));
    expect(data).toHaveLength(reference.length);
    const off = [...data].map((value, i) => Math.abs(Math.round((value + 1) * 127.5) - reference[i]!));
    expect(Math.max(...off)).toBeLessThanOrEqual(2);
  });

  it("are counted before they are made, run in batches of one shape, and the whole is what is shown", () => {
    const own = { ...processor, shortestEdge: 9, longestEdge: 26, patchSize: 4 };
    const side = fc.integer({ min: 2, max: 60 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const image = picture([width, height]);
        const pixels = preprocess(image, own);
        expect(gridOf(image, own)).toEqual(pixels.grid);
        expect(pixels.shape).toEqual([numPatches(pixels.grid, own), 48]);
        const batches = batchesOf(pixels);
        expect(batches.flatMap(({ data }) => [...data])).toEqual([...pixels.data]);
        for (const { shape, grid } of batches) expect(shape[0] % (grid.rows * grid.columns)).toBe(0);
        const [shown, view] = [pixelsToImage(pixels, own), modelView(image, own)];
        expect([...shown.data.subarray(0, shown.width * 3)]).toEqual([...view.data.subarray(0, shown.width * 3)]);
      }),
      { seed: 5, numRuns: 50 },
    );
  });

  it("stand aside, and the whole gets smaller, within a request's pixels; else nothing changes", () => {
    const side = fc.integer({ min: 2, max: 3000 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 378 ** 2, max: 5e6 }), (width, height, maxPixels) => {
        const image = { width, height };
        const views = (rules: QuartersProcessor) => viewBoxes(image, rules).map((box) => viewSize(box, rules));
        const area = (rules: QuartersProcessor) =>
          views(rules).reduce((sum, view) => sum + view.width * view.height, 0);
        const budgeted = withPixelBudget(processor, { maxPixels }) as QuartersProcessor;
        const found = withinBudget(image, budgeted);
        expect(area(found)).toBeLessThanOrEqual(maxPixels);
        if (area(processor) <= maxPixels) expect(found).toEqual(budgeted);
        expect(gridOf(image, budgeted).quarters?.length ?? 0).toBe(views(found).length - 1);
      }),
      { seed: 4 },
    );
  });

  it("are refused of an image that has none, and take no budget below the least", () => {
    const none = ocellusError("invalid_image", { width: 1, height: 9 });
    expect(() => gridOf({ width: 1, height: 9 }, processor)).toThrow(none);
    expect(gridOf({ width: 1, height: 9 }, { ...processor, splits: false })).toMatchObject({ rows: 27, columns: 27 });
    const least = ocellusError("invalid_request", { field: "maxPixels", least: 378 * 378 });
    expect(() => withPixelBudget(processor, { maxPixels: 378 * 378 - 1 })).toThrow(least);
    const unsupported = ocellusError("unsupported", { field: "minPixels" });
    expect(() => withPixelBudget(processor, { minPixels: 378 * 378 })).toThrow(unsupported);
  });
});

describe("image processor configs of quarters", () => {
  const target = { processors: ["Idefics2ImageProcessor" as const], patchSize: 14, absent: {} };
  const published = {
    ...{ do_convert_rgb: true, do_image_splitting: true, do_normalize: true, do_pad: true, do_rescale: true },
    ...{ do_resize: true, image_mean: [0.5, 0.5, 0.5], image_processor_type: "Idefics2ImageProcessor" },
    ...{ image_std: [0.5, 0.5, 0.5], resample: 2, rescale_factor: 1 / 255, processor_class: "Idefics2Processor" },
    size: { longest_edge: 980, shortest_edge: 378 },
  };

  it("as published are what is done; a silent one cuts no quarters", () => {
    expect(quartersProcessor(published, target)).toEqual(processor);
    expect(quartersProcessor(undefined, target)).toEqual({ ...processor, splits: false });
  });

  it.each([
    [{ size: { height: 378, width: 378 } }, /^size/],
    [{ size: { longest_edge: 980 } }, /^size/],
    [{ do_image_splitting: "no" }, /^do_image_splitting/],
    [{ max_slice_nums: 4 }, /^max_slice_nums/],
    [{ patch_size: 16 }, /^patch_size: .*14.*16/],
    [{ size: { shortest_edge: 900, longest_edge: 100 } }, /^size: shortest_edge/],
    [{ max_image_size: { longest_edge: 980 } }, /^max_image_size/],
    [{ min_pixels: 4 }, /^min_pixels/],
    [{ image_processor_type: "Idefics3ImageProcessor" }, /^image_processor_type/],
  ])("with %j are refused by name", (change, problem) => {
    const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
    expect(() => quartersProcessor({ ...published, ...change }, target)).toThrow(refused);
  });
});
